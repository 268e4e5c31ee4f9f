package slack_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
	"github.com/firebreak-ops/firebreak/engine/local"
)

// wordy fails to look, in many words.
type wordy struct {
	*office

	words string
}

// Do implements [local.Executor].
func (w wordy) Do(ctx context.Context, run local.RunInfo, cmd engine.Command) engine.Input {
	if c, ok := cmd.(engine.Read); ok {
		return engine.Returned{ID: c.ID, Outcome: engine.Outcome{Effect: engine.EffectNone, Failure: &engine.Failure{Class: "internal", Reason: w.words}}}
	}
	return w.office.Do(ctx, run, cmd)
}

// TestFiles holds that what is too long for a message is a file in the thread
// of its run, and its end in the message; and that the end is told when Slack
// takes no file.
func TestFiles(t *testing.T) {
	s := quiet(t)
	o := newOffice(t, s, 1)
	o.pace = 1
	words := "it began well; " + strings.Repeat("and then a <line> of many words came. ", 200) + "the disk is full"
	o.executor = wordy{o, words}
	o.open()
	o.start("r1", "")
	o.ended("r1")
	filed := func(m slacktest.Message) bool {
		return m.ThreadTS != "" && slices.ContainsFunc(m.Files, func(text string) bool { return strings.Contains(text, words) })
	}
	o.wait("file of the failure", filed)
	o.wait("failure with its beginning and end", func(m slacktest.Message) bool {
		text := m.Render()
		return strings.Contains(text, "internal: it began well") && strings.Contains(text, " … ") && strings.Contains(text, "the disk is full")
	})
	before := o.count(filed)
	o.command(slacktest.Alice, "logs r1")
	o.told(slacktest.Alice, "All of it is a file in the thread of the run")
	if n := o.count(filed); n != before+1 {
		t.Errorf("logs has put %d files into the thread", n-before)
	}
	o.patient = true
	s.SetScopes(slices.DeleteFunc(slacktest.AllScopes(), func(scope string) bool { return scope == "files:write" })...)
	o.command(slacktest.BobUser, "logs r1")
	o.told(slacktest.BobUser, "firebreak runs show has all of it")
	o.told(slacktest.BobUser, "the disk is full")
}

// TestLongRun holds that what happened in a run is a file in its thread when its
// end has no room for all of it.
func TestLongRun(t *testing.T) {
	o := newOffice(t, quiet(t), 1)
	o.pace = 1
	var src strings.Builder
	src.WriteString("title: Look often\nowner: sre\nsteps:\n")
	for i := range 120 {
		fmt.Fprintf(&src, "  - id: look_%03d\n    uses: world.read\n    with: {key: k}\n", i)
	}
	book, _, problems := enginetest.Book(src.String())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	o.book = book
	o.open()
	o.start("r1", "alice")
	o.ended("r1")
	end := o.wait("end", slacktest.Containing("Ended: no_action"))
	for _, text := range []string{"lines before", "look_119", "<@" + slacktest.Alice + ">"} {
		if !strings.Contains(end.Render(), text) {
			t.Errorf("the end does not say %q:\n%s", text, end.Render())
		}
	}
	o.wait("file of the run", func(m slacktest.Message) bool {
		return m.ThreadTS == end.ThreadTS && slices.ContainsFunc(m.Files, func(text string) bool {
			return strings.Contains(text, "look_000") && strings.Contains(text, "look_119")
		})
	})
}

// lost loses what becomes of every change, after some words.
type lost struct {
	*office

	words []string
}

// Do implements [local.Executor].
func (l lost) Do(ctx context.Context, run local.RunInfo, cmd engine.Command) engine.Input {
	failure := &engine.Failure{Class: "internal", Reason: "deploy ended with exit status 3"}
	switch c := cmd.(type) {
	case engine.Act:
		return engine.Returned{ID: c.ID, Outcome: engine.Outcome{Effect: engine.EffectUnknown, Failure: failure, Lines: l.words}}
	case engine.Probe:
		return engine.Probed{ID: c.ID, Outcome: engine.Outcome{Effect: engine.EffectUnknown, Failure: failure}}
	default:
		return l.office.Do(ctx, run, cmd)
	}
}

// TestLastWords holds that the thread shows what a call said at last of which
// nobody knows what became, and that the question about it does, with the
// choices that are left.
func TestLastWords(t *testing.T) {
	o := newOffice(t, quiet(t), 1)
	o.pace = 1
	o.executor = lost{o, []string{"1", "2", "3", "4", "5", "6", "7", "8", "pulling <image>", "retrying", "no space left on device"}}
	o.open()
	o.start("r1", "")
	o.click(slacktest.Alice, o.card("r1").TS, "rb.approve.v1")
	asks := o.wait("question", func(m slacktest.Message) bool { return slices.Contains(m.Buttons(), "It did not happen") })
	for _, text := range []string{"Its last lines", "pulling &lt;image&gt;\nretrying\nno space left on device", "exit status 3"} {
		if !strings.Contains(asks.Render(), text) {
			t.Errorf("the question does not say %q:\n%s", text, asks.Render())
		}
	}
	o.wait("last lines in the thread", func(m slacktest.Message) bool {
		text := m.Render()
		return m.TS != asks.TS && m.ThreadTS == asks.ThreadTS && strings.Contains(text, "*cure* its last lines") && strings.Contains(text, "no space left on device") && !strings.Contains(text, "\n      1\n")
	})
}
