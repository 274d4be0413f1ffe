package api

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"tagma/access"
)

// Command is a command line on its way to the process that serves its data directory.
type Command struct {
	Verb   string   `json:"verb"` // the command's name, for the audit
	Args   []string `json:"args"`
	From   string   `json:"from"`   // the directory that it was given in: files are named from there
	Steady bool     `json:"steady"` // its standard error is a terminal
}

// commandHeader carries a Command: JSON, in base64.
const commandHeader = "X-Tagma-Command"

const commandPath = "/api/local/run"

// The frames of an answer to a command: a byte that says what it is, four bytes of length, and the bytes.
const (
	frameOut  byte = 1 // standard output
	frameErr  byte = 2 // standard error
	frameExit byte = 3 // the exit code, one byte; the last frame
)

// maxFrame is the largest frame.
const maxFrame = 64 << 10

// command runs a command line inside this process, with its workspace, so that a command means the same whether a server
// runs or not. The body is the command's standard input; the answer is a stream of frames.
//
// Who may: only a request from this machine's loopback, with the local token, which lies in the data directory in a file
// that the owner alone can read. Whoever can read that file could open the directory by itself when no server runs, so
// nothing is given away that was not theirs. Files named in arguments are read and written by this process, as its
// user: that is the same user, or root. Tokens of programs and sessions of people never reach this, whatever their role.
func (s *Server) command(w http.ResponseWriter, r *http.Request) {
	if s.c.Command == nil || !loopback(r) {
		newProblem(403, "commands are taken from this machine only").write(w, r)
		return
	}
	var c Command
	raw, err := base64.StdEncoding.DecodeString(r.Header.Get(commandHeader))
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || len(c.Args) == 0 {
		newProblem(400, "the header "+commandHeader+" does not hold a command").write(w, r)
		return
	}
	control := http.NewResponseController(w)
	// A command reads its input while it writes, and may take hours.
	_ = control.EnableFullDuplex()
	never := s.c.Now().AddDate(1, 0, 0)
	_ = control.SetReadDeadline(never)
	_ = control.SetWriteDeadline(never)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.WriteHeader(http.StatusOK)
	f := &frames{w: w, flush: control.Flush}
	s.running.Add(1)
	defer s.running.Done()
	ctx := r.Context()
	code := s.c.Command(ctx, c, r.Body, f.stream(frameOut), f.stream(frameErr))
	if err := s.record(ctx, access.Entry{By: actorOf(ctx), Action: "command.run", Kind: "command", Object: c.Verb, After: map[string]any{"arguments": c.Args, "code": code}}); err != nil {
		s.log.Error("audit", "error", err)
	}
	_, _ = f.write(frameExit, []byte{byte(code)}) // the client went away
}

// loopback says that a request comes from this machine.
func loopback(r *http.Request) bool {
	ip := origin(r).IP
	return ip == "127.0.0.1" || ip == "::1"
}

// frames writes frames, one at a time.
type frames struct {
	mu    sync.Mutex
	w     io.Writer
	flush func() error
}

func (f *frames) write(kind byte, b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for {
		part := b[n:min(len(b), n+maxFrame)]
		head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(part)))
		if _, err := f.w.Write(append(head, part...)); err != nil {
			return n, err
		}
		if n += len(part); n >= len(b) {
			return n, f.flush()
		}
	}
}

// stream is a standard stream.
func (f *frames) stream(kind byte) io.Writer { return frameStream{f, kind} }

type frameStream struct {
	f    *frames
	kind byte
}

// Write implements io.Writer.
func (s frameStream) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	return s.f.write(s.kind, b)
}

// Send gives a command line to the process at an address, with its standard input, and hands out what comes back. It
// returns the exit code.
func Send(ctx context.Context, address, token string, c Command, in io.Reader, out, errOut io.Writer) (int, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return 1, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address+commandPath, in)
	if err != nil {
		return 1, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set(commandHeader, base64.StdEncoding.EncodeToString(text))
	transport := &http.Transport{} // and no proxy: the server is on this machine
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return 1, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		var refusal Problem
		if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&refusal); err != nil || refusal.Detail == "" {
			return 1, errors.New(res.Status)
		}
		return 1, errors.New(refusal.Detail)
	}
	return readFrames(res.Body, out, errOut)
}

// readFrames hands the frames of an answer out, and returns the exit code.
func readFrames(in io.Reader, out, errOut io.Writer) (code int, err error) {
	head, buf := make([]byte, 5), make([]byte, maxFrame)
	for {
		if _, err := io.ReadFull(in, head); err != nil {
			return 1, fmt.Errorf("the server ended before the command did: %w", err)
		}
		n := binary.BigEndian.Uint32(head[1:])
		if n > maxFrame {
			return 1, fmt.Errorf("the server sent a frame of %d bytes", n)
		}
		if _, err := io.ReadFull(in, buf[:n]); err != nil {
			return 1, fmt.Errorf("the server ended before the command did: %w", err)
		}
		switch head[0] {
		case frameOut:
			_, err = out.Write(buf[:n])
		case frameErr:
			_, err = errOut.Write(buf[:n])
		case frameExit:
			if n == 1 {
				return int(buf[0]), nil
			}
			return 1, fmt.Errorf("the server sent no exit code")
		}
		if err != nil {
			return 1, err
		}
	}
}
