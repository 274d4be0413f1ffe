package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// server is a serving process.
type server struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string
	greeted string // what it printed
	errOut  bytes.Buffer
	greets  chan struct{} // each time that it serves, after the first
}

// again has a value when it serves once more.
func (s *server) again() <-chan struct{} { return s.greets }

// serve starts the program and waits until it serves.
func serve(t *testing.T, dir string) *server {
	t.Helper()
	s := &server{t: t, greets: make(chan struct{}, 8), cmd: exec.Command("tagma", "--data", dir, "serve", "--listen", "127.0.0.1:0")}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = &s.errOut
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		s.greeted += lines.Text() + "\n"
		if strings.HasPrefix(lines.Text(), "end it") {
			s.address = regexp.MustCompile(`http://\S+`).FindString(s.greeted)
			go func() {
				for lines.Scan() {
					if strings.HasPrefix(lines.Text(), "end it") {
						s.greets <- struct{}{}
					}
				}
			}()
			return s
		}
	}
	_ = s.cmd.Wait()
	t.Fatalf("it does not serve: %s%s", s.greeted, s.errOut.String())
	return nil
}

// end ends the server by a signal and returns what it logged.
func (s *server) end(signal os.Signal) error {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	return s.cmd.Wait()
}

// tagma runs a command and returns what it prints and its exit code.
func tagmaAt(t *testing.T, work, dir string, args ...string) (out string, code int) {
	t.Helper()
	cmd := exec.Command("tagma", append([]string{"--data", dir}, args...)...)
	cmd.Dir = work
	b, err := cmd.CombinedOutput()
	if exit, ok := err.(*exec.ExitError); ok {
		return string(b), exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return string(b), 0
}

func TestServe(t *testing.T) {
	work := t.TempDir()
	dir := filepath.Join(work, "data")
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("m.yaml", "source: till\nrows:\n  identify: {user_id: id}\n  events:\n    - {name: order, time: {from: at, layout: rfc3339}, properties: {amount: {from: amount, as: number}}}\n")
	write("rows.csv", "id,at,amount\na,2026-01-02T03:04:05Z,10\nb,2026-01-02T03:04:05Z,20\na,2026-01-03T03:04:05Z,30\n")
	write("tags.yaml", "tags:\n  - {key: spend, name: 消费, category: fact, purpose: p, owner: o, value: 'events.order.sum(e, e.amount)'}\n")
	s := serve(t, dir)
	if !regexp.MustCompile(`sign in as admin with the password \S+`).MatchString(s.greeted) {
		t.Errorf("the first start does not say how to sign in: %s", s.greeted)
	}
	// Commands go through the server, with files named from where they are given.
	through := func(want string, code int, args ...string) {
		t.Helper()
		out, got := tagmaAt(t, work, dir, args...)
		if got != code || !strings.Contains(out, want) {
			t.Errorf("tagma %s: %d %s", strings.Join(args, " "), got, out)
		}
	}
	through("new: 2 customers, 3 events", 0, "import", "--mapping", "m.yaml", "rows.csv")
	through("applied 1 change", 0, "apply", "-f", "tags.yaml")
	through("computed 1 tag", 0, "compute")
	through("a\t40\nb\t20\n", 0, "members", "--values", "spend")
	through("1\n", 0, "query", "events.order.count() > 1")
	through("did you mean", 1, "query", "events.order.cont() > 1")
	through("wk_", 0, "source", "add", "web")
	through("tgm_", 0, "token", "add", "nightly", "--role", "viewer")
	through("nightly", 0, "token", "list")
	through("revoked", 0, "token", "revoke", "nightly")
	through("all right", 0, "check")
	through("unexpected argument nonsense", 2, "nonsense")
	// Another server on the directory, and another program on the port, are told.
	through("which serves at "+s.address, 1, "serve", "--listen", "127.0.0.1:0")
	out, code := tagmaAt(t, work, filepath.Join(work, "other"), "serve", "--listen", strings.TrimPrefix(s.address, "http://"))
	if code != 1 || !strings.Contains(out, "take another port") {
		t.Errorf("the port in use: %d %s", code, out)
	}
	if err := s.end(syscall.SIGTERM); err != nil {
		t.Errorf("it ended with %v: %s", err, s.errOut.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "local-token")); !os.IsNotExist(err) {
		t.Errorf("the local token stays: %v", err)
	}
	through("a\t40\nb\t20\n", 0, "members", "--values", "spend") // by itself now
	again := serve(t, dir)
	if strings.Contains(again.greeted, "password") {
		t.Errorf("the second start tells a password: %s", again.greeted)
	}
	if err := again.end(os.Interrupt); err != nil {
		t.Errorf("it ended with %v: %s", err, again.errOut.String())
	}
}

// A server that is killed in the middle of an upload has nothing of it, all that it answered, and serves again.
func TestServeIsKilledInMidUpload(t *testing.T) {
	work := t.TempDir()
	dir := filepath.Join(work, "data")
	s := serve(t, dir)
	out, code := tagmaAt(t, work, dir, "source", "add", "web")
	if code != 0 {
		t.Fatal(out)
	}
	key := strings.TrimSpace(out)
	send := func(n int) {
		t.Helper()
		r, err := http.NewRequest("POST", s.address+"/v1/track", strings.NewReader(fmt.Sprintf(`{"userId":"u%d","event":"visit"}`, n)))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(key, "")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 200 {
			t.Fatal(res.Status)
		}
	}
	for n := range 5 {
		send(n)
	}
	// Half a batch, and half a command's input.
	half, err := net.Dial("tcp", strings.TrimPrefix(s.address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	fmt.Fprintf(half, "POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{\"writeKey\":%q,\"batch\":[{\"type\":\"track\",\"userId\":\"half\",\"event\":\"visit\"},", key)
	_ = s.end(os.Kill)
	s = serve(t, dir)
	for id, want := range map[string]int{"user_id:u0": 0, "user_id:u4": 0, "user_id:half": 1} {
		if out, code := tagmaAt(t, work, dir, "customer", id); code != want {
			t.Errorf("customer %s: %d %s", id, code, out)
		}
	}
	if out, code := tagmaAt(t, work, dir, "check"); code != 0 {
		t.Errorf("check: %s", out)
	}
	send(5)
	if err := s.end(syscall.SIGTERM); err != nil {
		t.Errorf("it ended with %v: %s", err, s.errOut.String())
	}
}

// A served directory gets another time zone: the server begins again with it, at the same address, and what came before
// is there. Imports go through it by the API as by the command.
func TestServeBeginsAgain(t *testing.T) {
	work := t.TempDir()
	dir := filepath.Join(work, "data")
	s := serve(t, dir)
	run := func(args ...string) string {
		t.Helper()
		out, code := tagmaAt(t, work, dir, args...)
		if code != 0 {
			t.Fatalf("tagma %s: %d %s", strings.Join(args, " "), code, out)
		}
		return strings.TrimSpace(out)
	}
	token := run("token", "add", "nightly", "--role", "manager")
	token = regexp.MustCompile(`tgm_\S+`).FindString(token)
	send := func() (int, string) {
		t.Helper()
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for _, part := range [][3]string{{"mapping", "m.yaml", "source: till\nrows:\n  identify: {user_id: id}\n  traits: {city: city}\n"}, {"file", "rows.csv", "id,city\na,北京\nb,上海\n"}} {
			out, err := w.CreateFormFile(part[0], part[1])
			if err == nil {
				_, err = io.WriteString(out, part[2])
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequest("POST", s.address+"/api/v1/imports", &b)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", w.FormDataContentType())
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	if status, text := send(); status != 200 || !strings.Contains(text, `"accepted":2`) {
		t.Errorf("the import: %d %s", status, text)
	}
	began := s.again()
	if out := run("timezone", "Europe/Berlin"); !strings.Contains(out, "begun again") {
		t.Errorf("timezone: %s", out)
	}
	<-began
	if out := run("timezone"); out != "Europe/Berlin" {
		t.Errorf("the zone is %s", out)
	}
	if status, text := send(); status != 200 || !strings.Contains(text, `"duplicate":2`) {
		t.Errorf("the import again: %d %s", status, text)
	}
	if err := s.end(syscall.SIGTERM); err != nil {
		t.Errorf("it ended with %v: %s", err, s.errOut.String())
	}
}
