package db

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tagma/errs"
	"tagma/event"
)

// childVar names the directory that a child process of this test locks.
const childVar = "TAGMA_TEST_LOCK"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVar); dir != "" {
		os.Exit(holdLock(dir))
	}
	os.Exit(m.Run())
}

// holdLock is the child: it takes the lock, says so, and holds it until it is killed or its input ends.
func holdLock(dir string) int {
	lock, err := LockDir(dir, 1000)
	if err == nil {
		err = lock.SetAddress("127.0.0.1:8080")
	}
	fmt.Println("locked:", err)
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	if err == nil {
		err = lock.Unlock()
	}
	if err != nil {
		return 1
	}
	return 0
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	if _, held, err := ReadLock(dir); held || err != nil {
		t.Fatalf("a new directory: held %v, %v", held, err)
	}
	for _, crash := range []bool{true, false} {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childVar+"="+dir)
		in, err := child.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked: <nil>\n" {
			t.Fatalf("the child says %q, %v", line, err)
		}

		_, err = LockDir(dir, 2000)
		want := fmt.Sprintf("in use by process %d, which serves at 127.0.0.1:8080, since 1970-01-01T00:00:01Z", child.Process.Pid)
		if !errs.Is(err, errs.Busy) || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v", err)
		}
		h, held, err := ReadLock(dir)
		if want := (Holder{PID: child.Process.Pid, Since: 1000, Address: "127.0.0.1:8080"}); !held || err != nil || h != want {
			t.Errorf("ReadLock: %+v, %v, %v", h, held, err)
		}

		if crash {
			_ = child.Process.Kill()
		} else {
			_, _ = in.Write([]byte("\n"))
		}
		if err := child.Wait(); (err == nil) == crash {
			t.Errorf("the child ended with %v", err)
		}
		if h, held, err := ReadLock(dir); held || err != nil {
			t.Errorf("after its end (crash %v): %+v, %v", crash, h, err)
		}
		lock, err := LockDir(dir, 3000)
		if err != nil {
			t.Fatalf("after its end (crash %v): %v", crash, err)
		}
		if h, held, err := ReadLock(dir); !held || err != nil || h != (Holder{PID: os.Getpid(), Since: 3000}) {
			t.Errorf("our own: %+v, %v, %v", h, held, err)
		}
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadingTheLockDoesNotStopOneWhoWantsIt(t *testing.T) {
	dir := t.TempDir()
	// The text of a process that crashed makes ReadLock look at the lock itself.
	if err := os.WriteFile(filepath.Join(dir, LockName), []byte(`{"pid":1,"since_ms":1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_, _, _ = ReadLock(dir)
			}
		}
	}()
	for i := range 100 {
		lock, err := LockDir(dir, event.Time(i))
		if err != nil {
			t.Fatal(err)
		}
		if err := lock.file.Close(); err != nil { // as a crash would leave it
			t.Fatal(err)
		}
	}
	close(stop)
	<-stopped
}

func TestAMissingDirectoryCannotBeLocked(t *testing.T) {
	if _, err := LockDir(filepath.Join(t.TempDir(), "no"), 0); !errs.Is(err, errs.NotFound) {
		t.Errorf("the error is %v", err)
	}
}
