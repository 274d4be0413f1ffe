package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tagma/access"
	"tagma/workspace"
)

const (
	// streamTime is how long an answer may take whose end is far: a backup on a slow line.
	streamTime = 24 * time.Hour
	// stuckTime is how long the client of a stream may take nothing.
	stuckTime = time.Minute
)

// backupMedia is what a backup is sent as.
const backupMedia = "application/zstd"

type backupAnswer struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        func(huma.Context)
}

// backup sends the workspace as it is now, as the file that `tagma restore` takes. The audit row comes before the first
// byte: whoever breaks off has seen some of it. A stream that fails is broken off, and what came of it is half a backup,
// which restoring refuses.
func (s *Server) backup(ctx context.Context, _ *struct{}) (*backupAnswer, error) {
	s.running.Add(1) // the workspace stays open until it has ended
	b, err := s.w.StartBackup(ctx, s.c.Version, nil)
	if err == nil {
		m := b.Manifest()
		if err = s.record(ctx, access.Entry{By: actorOf(ctx), Action: "backup.make", Kind: "backup", Object: m.MadeAt,
			After: map[string]any{"made_at": m.MadeAt, "bytes": m.Bytes, "event_log": m.EventLog}}); err != nil {
			s.closeBackup(b)
		}
	}
	if err != nil {
		s.running.Done()
		return nil, err
	}
	name := "tagma-" + b.Manifest().MadeAtMS.Go(time.UTC).Format("20060102T150405Z") + ".tar.zst"
	return &backupAnswer{ContentType: backupMedia, Disposition: `attachment; filename="` + name + `"`, Body: func(c huma.Context) {
		defer s.running.Done()
		defer s.closeBackup(b)
		_, w := humago.Unwrap(c)
		c.SetStatus(http.StatusOK)
		if err := b.Write(ctx, &streamWriter{w: w, control: http.NewResponseController(w), now: s.c.Now}); err != nil {
			s.log.Error("backup", "error", err)
			panic(http.ErrAbortHandler) // so that the connection ends without the answer's end: half an answer must not look whole
		}
	}}, nil
}

func (s *Server) closeBackup(b *workspace.Backup) {
	if err := b.Close(); err != nil {
		s.log.Error("backup", "error", err)
	}
}

// streamWriter writes for as long as the client goes on reading.
type streamWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	now     func() time.Time
}

// Write implements io.Writer.
func (s *streamWriter) Write(b []byte) (int, error) {
	_ = s.control.SetWriteDeadline(s.now().Add(stuckTime)) // a writer without deadlines is one of a test
	return s.w.Write(b)
}
