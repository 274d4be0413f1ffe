package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tagma/access"
	"tagma/event"
	"tagma/tag"
	"tagma/workspace"
)

// Config is what a server serves, and with what.
type Config struct {
	Workspace *workspace.Workspace
	Access    *access.Access
	Console   http.Handler // the console's files; nil: there is none
	Log       *slog.Logger // nil: nothing is logged
	Version   string
	// Secure marks cookies for TLS alone.
	Secure bool
	// Command runs a command line inside this process: see local.go. nil: commands cannot come through.
	Command func(ctx context.Context, c Command, in io.Reader, out, errOut io.Writer) int
	// Restart begins the end of this server, for another one on the same directory; it returns at once. nil: somebody else
	// starts it again.
	Restart func()
	// ImportLimit is the most that one import may send, in bytes; 0 for 4 GB.
	ImportLimit int64
	// Now is the machine's clock, for sessions and logs.
	Now func() time.Time
}

// Server is the HTTP face of a workspace.
type Server struct {
	c    Config
	w    *workspace.Workspace
	desk *tag.Desk
	may  *access.Access
	log  *slog.Logger

	mux     *http.ServeMux
	huma    huma.API
	metrics *metrics
	replies replies
	intake  *intake

	running   sync.WaitGroup // runs and commands that go on
	ending    context.Context
	end       context.CancelFunc
	computing sync.Mutex
	importing sync.Mutex
	requests  requestNumbers
	fixed     fixedSummaries
	kinds     idKinds
	written
}

// New makes the server. Close it when no request goes on any more.
func New(c Config) (*Server, error) {
	if c.Workspace == nil || c.Access == nil || c.Now == nil {
		return nil, errors.New("api: a workspace, access and a clock are needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.ImportLimit == 0 {
		c.ImportLimit = importLimit
	}
	// What a server that was killed left of uploads.
	if err := os.RemoveAll(importsDir(c.Workspace.Dir)); err != nil {
		return nil, fmt.Errorf("api: remove old uploads: %w", err)
	}
	humaSetup()
	s := &Server{c: c, w: c.Workspace, desk: tag.NewDesk(c.Workspace.Tags(), c.Workspace.Since()), may: c.Access, log: c.Log, mux: http.NewServeMux()}
	s.ending, s.end = context.WithCancel(context.Background())
	s.metrics = newMetrics(s)
	s.intake = newIntake(s)
	s.routes()
	return s, nil
}

// Close lets runs end that go on, or abandons them when ctx ends first. Requests must have ended.
func (s *Server) Close(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.end)
	defer stop()
	s.running.Wait()
	s.end()
	s.intake.close()
	return s.may.Sweep(context.WithoutCancel(ctx))
}

// now is the workspace's clock.
func (s *Server) now() event.Time { return s.w.Now() }

// machineNow is the machine's clock.
func (s *Server) machineNow() event.Time { return event.At(s.c.Now()) }

// Handler is everything on the server's port.
func (s *Server) Handler() http.Handler { return s.observed(s.headed(s.mux)) }

// adapter puts huma's operations on the mux, each behind what the table says of its route.
type adapter struct {
	s      *Server
	routes map[string]*route
}

// Handle implements huma.Adapter.
func (a *adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	r := a.routes[op.OperationID]
	a.s.mux.Handle(op.Method+" "+op.Path, a.s.guarded(r, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		handler(humago.NewContext(op, req, w))
	})))
}

// ServeHTTP implements huma.Adapter.
func (a *adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.s.mux.ServeHTTP(w, r) }
