package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"tagma/access"
	"tagma/api"
	"tagma/errs"
	"tagma/event"
	"tagma/tag"
	"tagma/web"
	"tagma/workspace"
)

type serveCmd struct {
	Listen  string `help:"The address and port." default:"127.0.0.1:8080" placeholder:"ADDRESS"`
	TLS     bool   `help:"Browsers come by HTTPS, through a proxy that ends it: cookies are marked for TLS alone."`
	Verbose bool   `help:"Log every request."`
}

// How long a serving process waits when it is to end: for requests, and for a run.
const (
	drainTime = 10 * time.Second
	runTime   = 20 * time.Second
)

// servePercent bounds the garbage of a serving process by its share of what is kept: rows of the history and the index
// are large, and have few pointers, so collecting is cheap.
const servePercent = 50

// tendEvery is how often what ends by itself is looked after: assignments, sessions.
const tendEvery = time.Minute

func (c *serveCmd) Run(p *program) error {
	switch exists, err := workspace.Exists(p.dir); {
	case err != nil:
		return err
	case !exists:
		if err := workspace.Init(p.ctx, p.dir, workspace.Settings{}); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "made an empty workspace in %s, time zone %s\n", p.dir, workspace.DefaultTimezone)
	}
	level := slog.LevelInfo
	if c.Verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: level}))
	o := workspace.Options{Since: true, Live: true, Schedule: true, Failed: func(reader string, err error, retryIn time.Duration) {
		log.Error("reader", "reader", reader, "error", err, "again_in", retryIn)
	}, LiveFailed: func(err error, retryIn time.Duration) {
		log.Error("live", "error", err, "again_in", retryIn)
	}, Ran: func(kind string, r *tag.Report, err error, retryIn time.Duration) {
		ran(log, kind, r, err, retryIn)
	}}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(servePercent)
	}
	for again := false; ; {
		w, err := workspace.Open(p.ctx, p.dir, o)
		for tries := 0; again && errs.Is(err, errs.Busy) && tries < 100 && p.ctx.Err() == nil; tries++ {
			time.Sleep(100 * time.Millisecond) // a command was faster
			w, err = workspace.Open(p.ctx, p.dir, o)
		}
		if err != nil {
			return err
		}
		again, err = c.serve(p, w, log)
		if err = errors.Join(err, w.Close()); err != nil || !again {
			return err
		}
	}
}

// ran tells of a run that was due.
func ran(log *slog.Logger, kind string, r *tag.Report, err error, retryIn time.Duration) {
	switch {
	case err != nil && retryIn == 0:
		log.Info("scheduled run cancelled", "kind", kind)
	case err != nil:
		log.Error("scheduled run", "kind", kind, "error", err, "again_in", retryIn)
	case r.Repaired > 0:
		log.Warn("scheduled run", "kind", kind, "run", r.Run, "tags", len(r.Tags), "repaired", r.Repaired)
	default:
		log.Info("scheduled run", "kind", kind, "run", r.Run, "tags", len(r.Tags), "repaired", 0)
	}
}

// serve serves until it is to end, or to begin again with a workspace that is opened anew.
func (c *serveCmd) serve(p *program, w *workspace.Workspace, log *slog.Logger) (again bool, err error) {
	listener, err := (&net.ListenConfig{}).Listen(p.ctx, "tcp", c.Listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return false, errs.New(errs.Conflict, "another program listens at %s: end it, or take another port, as in --listen 127.0.0.1:8081", c.Listen)
	case errors.Is(err, syscall.EACCES):
		return false, errs.New(errs.Forbidden, "listening at %s is not allowed: take a port above 1023", c.Listen)
	case err != nil:
		return false, errs.New(errs.Invalid, "--listen %s: %w", c.Listen, err)
	}
	defer listener.Close() // the server has closed it, but for failures before
	address := "http://" + reachable(listener.Addr())
	may := access.New(w.DB, func() event.Time { return event.At(time.Now()) }, access.Options{})
	password, first, err := may.Bootstrap(p.ctx)
	if err != nil {
		return false, err
	}
	if err := may.StartLocalToken(); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, may.EndLocalToken()) }()
	restart := make(chan struct{}, 1)
	h := &host{w: w, may: may, restart: func() {
		select {
		case restart <- struct{}{}:
		default: // it is on its way
		}
	}}
	s, err := api.New(api.Config{Workspace: w, Access: may, Console: web.Handler(), Log: log, Version: version, Command: h.run, Now: time.Now, Secure: c.TLS, Restart: h.restart})
	if err != nil {
		return false, err
	}
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 5 * time.Minute, WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	background, end := context.WithCancel(context.WithoutCancel(p.ctx))
	var inBackground sync.WaitGroup
	defer inBackground.Wait()
	defer end()
	inBackground.Go(func() { w.Run(background) })
	inBackground.Go(func() { tend(background, s, w, log) })
	inBackground.Go(func() { trim(background, w, log) })
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := w.Serving(address); err != nil {
		return false, err
	}
	c.greet(p, address, password, first)
	select {
	case err = <-served:
	case <-restart:
		log.Info("beginning again")
		again, c.Listen = true, listener.Addr().String() // the same port, also where any was good
		err = drain(server, s)
	case <-p.ctx.Done():
		log.Info("ending: requests and runs that go on are finished")
		err = drain(server, s)
	}
	return again && p.ctx.Err() == nil, errors.Join(err, w.Serving(""))
}

// drain ends the server: requests are answered, a run is finished or given up without a trace.
func drain(server *http.Server, s *api.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close() // long questions: whoever asked asks again
	}
	ctx, cancel = context.WithTimeout(context.Background(), runTime)
	defer cancel()
	return errors.Join(err, s.Close(ctx))
}

// tend does every minute what is to be done by time, and once what makes the first answers quick.
func tend(ctx context.Context, s *api.Server, w *workspace.Workspace, log *slog.Logger) {
	failed := func(err error) {
		if err != nil && ctx.Err() == nil {
			log.Error("tend", "error", err)
		}
	}
	failed(w.Index.BuildRows(ctx))
	failed(w.Warm(ctx))
	ticker := time.NewTicker(tendEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			failed(s.Tend(ctx))
			failed(w.Warm(ctx))
		case <-ctx.Done():
			return
		}
	}
}

// trim keeps the event log short: at the start and then now and again.
func trim(ctx context.Context, w *workspace.Workspace, log *slog.Logger) {
	ticker := time.NewTicker(tendEvery)
	defer ticker.Stop()
	for {
		if err := w.Trim(ctx, workspace.KeepLog); err != nil && ctx.Err() == nil {
			log.Error("trim", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// greet says where the console is, and at the first start how to sign in.
func (c *serveCmd) greet(p *program, address, password string, first bool) {
	fmt.Fprintf(p.out, "Tagma serves %s at %s\n", p.dir, address)
	if first {
		fmt.Fprintf(p.out, "sign in as admin with the password %s (told this once; you choose another one then)\n", password)
	}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && !net.ParseIP(host).IsLoopback() && host != "localhost" {
		fmt.Fprintln(p.err, "note: others can reach this address, and nothing is encrypted: put a proxy with TLS before it")
	}
	fmt.Fprintln(p.out, "end it with Ctrl-C")
}

// reachable is how this machine reaches an address that is listened at.
func reachable(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a.String()
	}
	return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
}
