package console

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

var began = time.Date(2024, 7, 15, 10, 42, 0, 0, time.UTC)

// play shows a run of a group with one step, told by two owners.
func play(v *View) {
	v.Outline(chatops.Outline{
		"1": chatops.NewEntry("", "", runbook.KindGroup), "1/look": chatops.NewEntry("look", "metrics.pool", runbook.KindAction),
		"2": chatops.NewEntry("", "", runbook.KindFail),
	})
	for i, e := range []engine.Event{
		engine.RunStarted{Facts: engine.Facts{ID: "r1", Runbook: "look", Service: "api", Requester: engine.Requester{Kind: "person", Name: "ann"}}},
		engine.StepStarted{Path: "1"}, engine.StepStarted{Path: "1/look"},
		engine.ReadBegan{Path: "1/look", Attempt: 1},
		engine.RunRecovered{Generation: 2, Down: 3 * time.Second},
		engine.StepFailed{Path: "1/look", Class: "unavailable", Reason: "nobody answers on a port that has quite a long name"},
		engine.StepSucceeded{Path: "1"},
		engine.StepSkipped{Path: "2", Why: "its condition is false"},
		engine.RunEnded{Word: engine.NoAction},
	} {
		v.Show(engine.Record{Seq: i + 1, At: began.Add(time.Duration(i) * time.Second), Event: e})
		if _, ok := e.(engine.ReadBegan); ok {
			v.Said("1/look", "asking 4 replicas, one after the other", began.Add(4*time.Second))
		}
	}
}

func TestPlain(t *testing.T) {
	var out strings.Builder
	play(NewView(&out, Options{Width: 50}))
	want := `look  ·  api  ·  run r1  ·  started by ann
  · goes on with a new owner; nobody was there for 3.0 s
  ✗ look               3.0 s  unavailable: nobody answers on a port that has quite a long name
  ■ no_action in 8.0 s
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// TestLive sees to it that no line is wider than the terminal: the part that
// is rewritten would then stay on the screen.
func TestLive(t *testing.T) {
	var out strings.Builder
	v := NewView(&out, Options{Width: 50, Live: true, Color: true})
	play(v)
	text := out.String()
	for _, want := range []string{
		"reading  asking 4 r…\n", "\r\x1b[1A\x1b[J", "\x1b[31m✗\x1b[0m look",
		"unavailable: nobody\n" + strings.Repeat(" ", 25),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%q", want, text)
		}
	}
	for line := range strings.Lines(withoutEscapes(text)) {
		if n := len([]rune(strings.TrimSpace(line))); n > 50 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	out.Reset()
	v.Say("bye", began)
	if out.String() != "\r\x1b[J  \x1b[2m·\x1b[0m bye\n" {
		t.Errorf("%q", out.String())
	}
}

// TestLiveWaits shows for what a run waits: people who have said yes are
// named, and so is who has it.
func TestLiveWaits(t *testing.T) {
	var out strings.Builder
	v := NewView(&out, Options{Width: 100, Live: true})
	for i, e := range []engine.Event{
		engine.RunStarted{Facts: engine.Facts{ID: "r1", Runbook: "look"}},
		engine.QuestionOpened{Question: engine.Question{ID: "q", Kind: engine.AskGate, Path: "1", Roles: []string{"sre"}, Quorum: 2, OpenedAt: began}},
		engine.VoteCounted{ID: "q", Path: "1", By: "ann"},
		engine.Stopped{Stop: engine.Stop{Kind: engine.StopTakeOver, By: "bob", At: began}},
	} {
		v.Show(engine.Record{Seq: i + 1, At: began, Event: e})
	}
	out.Reset()
	v.Tick(began.Add(3 * time.Second))
	want := "  ? waiting 3.0 s for sre; 1 of 2 have said yes: ann\n  ‖ taken over by bob, for 3.0 s now\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func withoutEscapes(text string) string {
	var out strings.Builder
	for len(text) > 0 {
		if text[0] == '\x1b' {
			end := strings.IndexAny(text, "mAJ")
			text = text[end+1:]
			continue
		}
		out.WriteByte(text[0])
		text = text[1:]
	}
	return out.String()
}
