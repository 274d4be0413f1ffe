package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a serving product, a process of its own on the same cores.
type server struct {
	program, dir string
	cmd          *exec.Cmd
	log          *os.File
	url          string
	token, key   string // of the API, of the intake
	client       *http.Client
	// firstAnswer is the time from the start of the process to the first answer about a customer.
	firstAnswer time.Duration
	firstCPU    float64 // seconds of processor until then
}

// productProgram finds the product.
func productProgram(o options) (string, error) {
	if o.tagma != "" {
		return filepath.Abs(o.tagma)
	}
	for _, path := range []string{"bin/tagma", "../bin/tagma"} {
		if _, err := os.Stat(path); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", errors.New("live: bin/tagma is not there: run make build first, or name the program with -tagma")
}

// newServer makes a token and a write key in a workspace that nobody has open, to be served by start.
func newServer(ctx context.Context, program, dir string, connections int) (*server, error) {
	s := &server{program: program, dir: dir}
	s.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: connections + 16, MaxIdleConns: connections + 16}}
	var err error
	if s.token, err = s.command(ctx, "token", "add", "bench", "--role", "admin"); err != nil {
		return nil, err
	}
	s.key, err = s.command(ctx, "source", "add", "bench")
	return s, err
}

// command runs a command of the product and returns what it prints.
func (s *server) command(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.program, append(args, "--data", s.dir)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("tagma %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// start serves, and waits for the first answer about a customer.
func (s *server) start(ctx context.Context, customer string) error {
	var err error
	if s.log, err = os.OpenFile(s.dir+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
		return err
	}
	s.cmd = exec.Command(s.program, "serve", "--data", s.dir, "--listen", "127.0.0.1:0")
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := s.cmd.Start(); err != nil {
		return err
	}
	said := bufio.NewScanner(out)
	s.url = ""
	for s.url == "" && said.Scan() {
		if at := strings.Index(said.Text(), "http://"); at >= 0 {
			s.url = strings.Fields(said.Text()[at:])[0]
		}
	}
	if s.url == "" {
		return errors.Join(errors.New("tagma serve ended without saying where it listens"), s.stop())
	}
	go io.Copy(io.Discard, out)
	for ctx.Err() == nil {
		if _, err = s.eligible(ctx, []string{customer}, eligibilitySegments); err == nil {
			s.firstAnswer, s.firstCPU = time.Since(begun), s.cpuSeconds()
			return nil
		}
		if time.Since(begun) > 2*time.Minute {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return errors.Join(fmt.Errorf("no answer after the start: %w", err), ctx.Err(), s.stop())
}

// stop ends the process as Ctrl-C would.
func (s *server) stop() error {
	if s.cmd == nil || s.cmd.Process == nil {
		return nil
	}
	_ = s.cmd.Process.Signal(syscall.SIGINT) // it may have ended by itself
	err := s.cmd.Wait()
	s.cmd = nil
	s.client.CloseIdleConnections()
	return errors.Join(err, s.log.Close())
}

// call sends JSON and reads JSON; out may be nil.
func (s *server) call(ctx context.Context, method, path string, in, out any) (status int, err error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, body)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := s.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		return a.StatusCode, err
	}
	if a.StatusCode >= 300 {
		return a.StatusCode, fmt.Errorf("%s %s: %d: %s", method, path, a.StatusCode, clip(string(b)))
	}
	if out == nil {
		return a.StatusCode, nil
	}
	return a.StatusCode, json.Unmarshal(b, out)
}

// clip shortens what a report need not say in full.
func clip(s string) string {
	if r := []rune(strings.TrimSpace(s)); len(r) > 400 {
		return string(r[:400]) + "…"
	}
	return strings.TrimSpace(s)
}

// eligible asks whether customers, by user_id, are in segments.
func (s *server) eligible(ctx context.Context, customers, segments []string) ([][]bool, error) {
	type in struct {
		Segment string `json:"segment"`
	}
	ask := struct {
		Customers []string `json:"customers"`
		Rules     []in     `json:"rules"`
	}{}
	for _, c := range customers {
		ask.Customers = append(ask.Customers, "user_id:"+c)
	}
	for _, key := range segments {
		ask.Rules = append(ask.Rules, in{key})
	}
	var said struct {
		Results []struct {
			Known    bool   `json:"known"`
			Eligible []bool `json:"eligible"`
		} `json:"results"`
	}
	if _, err := s.call(ctx, "POST", "/api/v1/eligibility", ask, &said); err != nil {
		return nil, err
	}
	out := make([][]bool, len(said.Results))
	for i, x := range said.Results {
		if !x.Known {
			return nil, fmt.Errorf("customer %s is not known", customers[i])
		}
		out[i] = x.Eligible
	}
	return out, nil
}

// peakMB is the largest resident memory of the process so far.
func (s *server) peakMB() (int, error) { return peakOf(strconv.Itoa(s.cmd.Process.Pid)) }

// cpuSeconds is the processor time of the process so far.
func (s *server) cpuSeconds() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return float64(user+system) / 100 // ticks of Linux
}
