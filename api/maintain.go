package api

import (
	"context"

	"github.com/uptrace/bun"

	"tagma/access"
	"tagma/tag"
)

// Check is what holding the parts of the workspace against each other found.
type Check struct {
	Wrong    int       `json:"wrong" doc:"How many findings are faults"`
	Findings []Finding `json:"findings"`
	TookMS   int64     `json:"took_ms"`
}

// Finding is something that is wrong, or that could not be compared.
type Finding struct {
	What  string `json:"what"`
	Wrong bool   `json:"wrong" doc:"It is a fault, and not merely something that could not be compared"`
}

// check is `tagma check`. It takes a run's time, and no run goes on meanwhile.
func (s *Server) check(ctx context.Context, _ *struct{}) (*answer[Check], error) {
	begun := s.c.Now()
	found, err := tag.Verify(ctx, s.desk.Deps)
	if err != nil {
		return nil, err
	}
	out := Check{Findings: []Finding{}}
	for _, f := range found {
		if f.Wrong {
			out.Wrong++
		}
		out.Findings = append(out.Findings, Finding{f.What, f.Wrong})
	}
	out.TookMS = s.c.Now().Sub(begun).Milliseconds()
	if out.Wrong > 0 {
		s.log.Error("check", "wrong", out.Wrong)
	}
	return &answer[Check]{out}, nil
}

// Clock is the workspace's clock.
type Clock struct {
	Now     string `json:"now"`
	Stopped bool   `json:"stopped" doc:"It stands at this instant until it is moved"`
}

func (s *Server) clock(context.Context, *struct{}) (*answer[Clock], error) {
	return &answer[Clock]{Clock{s.instant(s.now()), s.w.Stopped()}}, nil
}

// moveClock moves a stopped clock forward. What ends by then ends at once; tags are decided by the next run.
func (s *Server) moveClock(ctx context.Context, in *struct {
	Body struct {
		To string `json:"to" doc:"The instant, or a date, which means its last instant; never one before the clock's"`
	}
}) (*answer[Clock], error) {
	if in.Body.To == "" {
		return nil, invalid("body.to", "to which instant?", "write an instant as 2026-11-21T18:00:00+08:00, or a date, which means its last instant")
	}
	to, err := s.asOf("body.to", in.Body.To)
	if err != nil {
		return nil, err
	}
	was := s.now()
	moved, err := s.w.MoveClock(ctx, to, func(ctx context.Context, tx bun.Tx) error {
		return s.may.Record(ctx, tx, access.Entry{By: actorOf(ctx), Action: "clock.move", Kind: "workspace", Object: "clock",
			Before: map[string]string{"now": s.instant(was)}, After: map[string]string{"now": s.instant(to)}})
	})
	if err != nil {
		return nil, within(err, "body.to")
	}
	if moved {
		if err := s.bringUp(ctx); err != nil {
			return nil, err
		}
	}
	return s.clock(ctx, nil)
}

// TimeZone is the workspace's time zone.
type TimeZone struct {
	Zone string `json:"zone" doc:"An IANA name"`
	// Next is there while the server has not started again.
	Next string `json:"next,omitempty" doc:"The zone from the next start of the server on, where it is another one"`
}

func (s *Server) timeZone(ctx context.Context, _ *struct{}) (*answer[TimeZone], error) {
	next, err := s.w.NextZone(ctx)
	return &answer[TimeZone]{TimeZone{s.w.Zone.String(), next}}, err
}

// setTimeZone changes the time zone from the next start on: everything in a process that serves has read days in the
// zone that it started with. Where the server can, it starts again by itself when it has answered.
func (s *Server) setTimeZone(ctx context.Context, in *struct {
	Body struct {
		Zone string `json:"zone" doc:"An IANA name, as Asia/Shanghai"`
	}
}) (*answer[TimeZone], error) {
	changed, err := s.w.PlanZone(ctx, in.Body.Zone, func(ctx context.Context, tx bun.Tx) error {
		return s.may.Record(ctx, tx, access.Entry{By: actorOf(ctx), Action: "timezone.change", Kind: "workspace", Object: "timezone",
			Before: map[string]string{"zone": s.w.Zone.String()}, After: map[string]string{"zone": in.Body.Zone}})
	})
	if err != nil {
		return nil, invalid("body.zone", problemOf(err).Detail, "write an IANA name, as Asia/Shanghai or Europe/Berlin")
	}
	out, err := s.timeZone(ctx, nil)
	if err == nil && changed && s.c.Restart != nil {
		s.c.Restart()
	}
	return out, err
}
