package drills

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a firebreak that sends moments and waits for one approval.
type scripted struct {
	before   []Moment
	approved chan string
	refuse   bool
	after    []Moment
}

func (f *scripted) Watch(ctx context.Context, _ string) (<-chan Moment, error) {
	out := make(chan Moment)
	go func() {
		defer close(out)
		for _, m := range f.before {
			m.At = time.Now()
			out <- m
		}
		if f.approved != nil {
			select {
			case question := <-f.approved:
				out <- Moment{Kind: MomentAnswered, At: time.Now(), Question: question}
			case <-ctx.Done():
				return
			}
		}
		for _, m := range f.after {
			<-time.After(time.Second)
			m.At = time.Now()
			out <- m
		}
	}()
	return out, nil
}

func (f *scripted) Approve(_ context.Context, run, question, digest string) error {
	if f.refuse || run != "run-1" || digest != "sha256:d" {
		return errors.New("refused")
	}
	f.approved <- question
	return nil
}

func (f *scripted) Close() error { return nil }

func TestTheScriptedApproverThinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &scripted{
			before:   []Moment{{Kind: MomentCause, Cause: "app_pool_too_small"}, {Kind: MomentAsked, Question: "q", Digest: "sha256:d"}},
			approved: make(chan string),
			after:    []Moment{{Kind: MomentEnded, Word: "succeeded"}},
		}
		var seen Observation
		if err := follow(t.Context(), Options{Scenario: shipped(t)}, f, "run-1", &seen); err != nil {
			t.Fatal(err)
		}
		if len(seen.People) != 1 || seen.People[0].To.Sub(seen.People[0].From) != 2*time.Second {
			t.Errorf("people took %v", seen.People)
		}
		if seen.Cause != "app_pool_too_small" || seen.CauseFound.IsZero() || seen.Ended != "succeeded" {
			t.Errorf("got %+v", seen)
		}
	})
}

func TestInteractiveLeavesTheAnswerToThePerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &scripted{
			before:   []Moment{{Kind: MomentAsked, Question: "q", Digest: "sha256:d"}},
			approved: make(chan string),
		}
		var seen Observation
		if err := follow(t.Context(), Options{Scenario: shipped(t), Interactive: true}, f, "run-1", &seen); err != nil {
			t.Fatal(err)
		}
		if seen.Ended != "unfinished" {
			t.Errorf("somebody answered: %+v", seen)
		}
	})
}

func TestAnUnansweredQuestionCountsUntilTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &scripted{
			before: []Moment{{Kind: MomentAsked, Question: "q", Digest: "stale"}},
			after:  []Moment{{Kind: MomentCause, Cause: "late"}, {}, {}, {Kind: MomentEnded, Word: "failed_clean"}},
			refuse: true,
		}
		var said []string
		var seen Observation
		opts := Options{Scenario: shipped(t), Say: func(line string) { said = append(said, line) }}
		if err := follow(t.Context(), opts, f, "run-1", &seen); err != nil {
			t.Fatal(err)
		}
		if len(seen.People) != 1 || seen.People[0].To.Sub(seen.People[0].From) != 4*time.Second {
			t.Errorf("people took %v", seen.People)
		}
		if seen.Ended != "failed_clean" || len(said) < 3 {
			t.Errorf("ended %q, said %q", seen.Ended, said)
		}
	})
}

func TestABrokenWatchIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen Observation
		if err := follow(t.Context(), Options{Scenario: shipped(t)}, &scripted{}, "run-1", &seen); err == nil {
			t.Error("a watch that broke off was taken for an end")
		}
	})
}
