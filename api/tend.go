package api

import (
	"context"
	"errors"

	"tagma/tag"
)

// Tend does what is to be done by time: assignments end, sessions, failed sign-ins and refused rows are forgotten. Call it once a
// minute. While a run goes on assignments wait for the next time.
func (s *Server) Tend(ctx context.Context) error {
	var ended error
	if release, free := s.desk.Turn.Try(); free {
		release()
		ended = tag.BringUp(ctx, s.desk.Deps, s.now())
	}
	return errors.Join(ended, s.w.Index.BuildRows(ctx), s.may.Sweep(ctx), s.forgetRejects())
}
