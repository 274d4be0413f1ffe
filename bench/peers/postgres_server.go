package peers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// postgresServer is a server of the machine's own PostgreSQL, reached by a socket in its directory. It cannot run as
// root, so root starts it as the user postgres.
type postgresServer struct {
	dir, bin string
	as       *syscall.Credential // nil: as who we are
}

// postgresDir is where a server keeps its data that belongs to a directory of the benchmark. It is not inside it, because
// the server's user may not be let into that.
func postgresDir(dir string) string {
	h := fnv.New32a()
	h.Write([]byte(dir))
	return filepath.Join(os.TempDir(), fmt.Sprintf("tagma-bench-pg-%08x", h.Sum32()))
}

// startPostgres starts a server on a directory, which it makes when it is not there.
func startPostgres(ctx context.Context, dir string) (*postgresServer, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	s := &postgresServer{dir: dir, bin: bin}
	if err := s.owner(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "PG_VERSION")); errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		if s.as != nil {
			if err := os.Chown(dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
				return nil, err
			}
		}
		if err := s.run(ctx, "initdb", "--pgdata", dir, "--username=bench", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"); err != nil {
			return nil, err
		}
	}
	// What is loaded can be loaded again: nothing waits for the disk.
	options := "-c listen_addresses='' -c unix_socket_directories='" + dir + "' -c shared_buffers=1GB -c effective_cache_size=8GB -c fsync=off -c synchronous_commit=off" +
		" -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=8GB -c random_page_cost=1.1"
	if err := s.run(ctx, "pg_ctl", "--pgdata", dir, "--wait", "--timeout=60", "--log="+filepath.Join(dir, "server.log"), "--options="+options, "start"); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *postgresServer) dsn() string { return "host=" + s.dir + " user=bench dbname=postgres" }

func (s *postgresServer) stop() error {
	return s.run(context.Background(), "pg_ctl", "--pgdata", s.dir, "--wait", "--mode=fast", "stop")
}

// removePostgres deletes a server's data, and ends the server where whoever started it did not come to it.
func removePostgres(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "postmaster.pid")); err == nil {
		bin, err := postgresPrograms()
		if err != nil {
			return err
		}
		s := &postgresServer{dir: dir, bin: bin}
		if err := s.owner(); err != nil {
			return err
		}
		if err := s.run(context.Background(), "pg_ctl", "--pgdata", dir, "--wait", "--mode=immediate", "stop"); err != nil {
			return err
		}
	}
	return os.RemoveAll(dir)
}

func (s *postgresServer) run(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	// The server inherits what pg_ctl writes to, so it is a file: a pipe would stay open with it.
	log, err := os.CreateTemp("", "tagma-bench-pg-*.log")
	if err != nil {
		return err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(log.Name()) // without it, the error alone
		return fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(string(said)))
	}
	return nil
}

// owner finds the user to run as.
func (s *postgresServer) owner() error {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(u.Uid)
		if err != nil {
			return err
		}
		gid, err := strconv.Atoi(u.Gid)
		if err != nil {
			return err
		}
		s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return nil
	}
	return fmt.Errorf("%w: it does not run as root, and there is no user postgres or nobody", ErrAbsent)
}

// postgresPrograms finds the directory of initdb and pg_ctl: the newest of Debian's, or what is on the PATH.
func postgresPrograms() (string, error) {
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(found) > 0 { // the pattern is right
		slices.SortFunc(found, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", fmt.Errorf("%w: neither POSTGRES_DSN is set nor is PostgreSQL installed (apt-get install postgresql)", ErrAbsent)
	}
	return filepath.Dir(path), nil
}
