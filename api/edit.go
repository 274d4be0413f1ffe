package api

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/uptrace/bun"

	"tagma/access"
	"tagma/errs"
	"tagma/library"
	"tagma/rule"
	"tagma/tag"
)

// apply checks all rules of an edit and writes it, with an audit row for each definition in the same transaction.
func (s *Server) apply(ctx context.Context, edit *library.Edit, reason string) error {
	if err := tag.CheckEdit(ctx, s.desk.Deps, edit); err != nil {
		return err
	}
	by := actorOf(ctx)
	before := map[library.Ref]json.RawMessage{}
	for _, ch := range edit.Changes {
		ref := library.Ref{Kind: ch.Kind, Key: ch.Key}
		if ch.Was != "" {
			ref.Key = ch.Was
		}
		if ch.What == library.Same || ch.What == library.Add {
			continue
		}
		versions, err := library.History(ctx, s.w.DB.Read(), ref)
		if err != nil {
			return err
		}
		before[library.Ref{Kind: ch.Kind, Key: ch.Key}] = versions[len(versions)-1].Body
	}
	err := s.w.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := edit.Apply(ctx, tx, by.String(), reason, s.now()); err != nil {
			return err
		}
		for _, ch := range edit.Changes {
			if ch.What == library.Same {
				continue
			}
			ref := library.Ref{Kind: ch.Kind, Key: ch.Key}
			versions, err := library.History(ctx, tx, ref)
			if err != nil {
				return err
			}
			e := access.Entry{By: by, Action: string(ch.Kind) + "." + string(ch.What), Kind: string(ch.Kind), Object: ch.Key}
			if b := before[ref]; b != nil {
				e.Before = b
			}
			e.After = versions[len(versions)-1].Body
			if err := s.may.Record(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.bringUp(ctx)
}

// bringUp brings the index to the definitions of tags assigned by hand. While a run goes on that waits, and the answer
// does not.
func (s *Server) bringUp(ctx context.Context) error {
	release, ok := s.desk.Turn.Try()
	if ok {
		release()
		return tag.BringUp(ctx, s.desk.Deps, s.now())
	}
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		if err := tag.BringUp(s.ending, s.desk.Deps, s.now()); err != nil {
			s.log.Error("bring the index to the definitions", "error", err)
		}
	}()
	return nil
}

// ruleText is a rule in a body, and where it stands.
type ruleAt struct {
	location, text string
	want           rule.Want
}

// checkRules checks rules by themselves, so that their faults have places in their texts.
func (s *Server) checkRules(ctx context.Context, list []ruleAt) error {
	var bad []Flaw
	err := s.desk.WithLibrary(ctx, false, func(c *library.Compiled) error {
		for _, r := range list {
			if _, faults := rule.Check(r.text, c.Env, r.want); len(faults) > 0 {
				bad = append(bad, flaws(r.text, r.location, faults)...)
			}
		}
		return nil
	})
	if err != nil || len(bad) == 0 {
		return err
	}
	p := newProblem(422, bad[0].Message)
	p.Errors = bad
	return p
}

// current is the active definition of a key, with its version checked against the one that the edit was made from.
func (s *Server) current(set *library.Set, ref library.Ref, m Matching) error {
	head, ok := set.Head(ref)
	if !ok || head.State != library.Active {
		return notThere(set, ref)
	}
	return m.check(strconv.Itoa(head.Version))
}

// fresh refuses a key that is taken by an active definition.
func fresh(set *library.Set, ref library.Ref) error {
	if head, ok := set.Head(ref); ok && head.State == library.Active {
		p := newProblem(409, ref.String()+" exists already")
		p.Errors = []Flaw{{Location: "body.key", Message: p.Detail, Hint: "take another key, or change the one that there is"}}
		p.Current = strconv.Itoa(head.Version)
		return p
	}
	return nil
}

// retire takes a definition out of use. One that others use is a Conflict, with its users.
func (s *Server) retire(ctx context.Context, ref library.Ref, m Matching) (*nothing, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.current(set, ref, m); err != nil {
		return nil, err
	}
	if users := set.Users(ref); len(users) > 0 {
		p := newProblem(409, ref.String()+" is in use: change or retire its users first")
		p.Users = refs(set, users)
		return nil, p
	}
	edit, err := set.Retire(ref)
	if err != nil {
		return nil, err
	}
	return &nothing{}, s.lost(s.apply(ctx, edit, ""))
}

// lost tells that somebody was faster, where an edit finds another library than it was planned on.
func (s *Server) lost(err error) error {
	var p *Problem
	if err != nil && !errors.As(err, &p) && errs.Is(err, errs.Conflict) {
		p = newProblem(412, "somebody else has changed the definitions in this moment: look again")
		p.cause = err
		return p
	}
	return err
}
