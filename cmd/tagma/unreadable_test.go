package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDirectoriesThatMayNotBeUsed runs the program as somebody who may not read, or not write, a workspace.
func TestDirectoriesThatMayNotBeUsed(t *testing.T) {
	// Everything is reachable by others but the workspace itself. t.TempDir is not: its parents are the tester's own.
	top, err := os.MkdirTemp("", "tagma-unreadable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(top) })
	program := filepath.Join(top, "tagma")
	if err := errors.Join(os.Chmod(top, 0o755), copyProgram(program)); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"closed": 0, "fixed": 0o555} {
		dir := filepath.Join(top, name, "data")
		mustRun(t, "--data", dir, "init", "--clock", "2026-07-01")
		_ = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			if err != nil || info.IsDir() {
				return err
			}
			return os.Chmod(path, 0o444)
		})
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
		for _, args := range [][]string{{"query", "--count", "true"}, {"compute"}, {"init"}} {
			cmd := exec.Command(program, append([]string{"--data", dir}, args...)...)
			cmd.Dir = top
			if os.Getuid() == 0 { // who may do everything: be nobody for a moment
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			}
			out, err := cmd.CombinedOutput()
			exit := (*exec.ExitError)(nil)
			if errors.Is(err, syscall.EPERM) && !errors.As(err, &exit) {
				t.Skip("no other user can be taken on here")
			}
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("%s directory, %s: %v\n%s", name, args[0], err, out)
			}
			text := string(out)
			if strings.Contains(text, "goroutine") || strings.Count(strings.TrimSpace(text), "\n") > 1 || !strings.Contains(text, dir) {
				t.Errorf("%s directory, %s: not one clear message with the place:\n%s", name, args[0], text)
			}
			if name == "closed" && (strings.Contains(text, "no workspace") || !strings.Contains(text, "permission denied")) {
				t.Errorf("%s directory, %s: it is there but may not be read, and the message is\n%s", name, args[0], text)
			}
		}
	}
}

// copyProgram copies this binary to where everybody may run it, under the name that makes it the program.
func copyProgram(to string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	from, err := os.Open(self)
	if err != nil {
		return err
	}
	defer from.Close()
	f, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
