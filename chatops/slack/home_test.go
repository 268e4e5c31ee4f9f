package slack_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
	"github.com/firebreak-ops/firebreak/engine"
)

// home waits until somebody's home is as it should be.
func (o *office) home(user, what string, fits func(text string) bool) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	err := o.slack.Await(ctx, func() bool {
		v, ok := o.slack.Home(user)
		return ok && fits(v.Render())
	})
	if err != nil {
		v, _ := o.slack.Home(user)
		o.t.Fatalf("the home of %s does not show %s: %v; but\n%s", user, what, err, v.Render())
	}
}

func (o *office) openHome(user string) {
	o.t.Helper()
	if o.slack.OpenHome(user) == nil {
		o.t.Fatal("the app is not told that somebody opens its home")
	}
}

const approves = "[Approve]"

// TestHome holds that a home shows what waits for whoever looks, which runs are
// open and what is stopped, also what is asked later; that a press on it is one on the card; and that
// nothing can be pressed on it that was decided elsewhere, also by another
// process.
func TestHome(t *testing.T) {
	s := quiet(t)
	o := newOffice(t, s, 1)
	o.pace = 1
	o.open()
	o.openHome(slacktest.Alice)
	o.home(slacktest.Alice, "that nothing waits", func(text string) bool {
		return strings.Contains(text, "Nothing does.") && strings.Contains(text, "/runbook run starts one") && strings.Contains(text, "None stands.")
	})
	o.start("r1", "")
	o.start("r2", "bob")
	o.card("r1")
	o.card("r2")
	both := func(text string) bool {
		return strings.Count(text, approves) == 2 && strings.Contains(text, "+max: 50")
	}
	one := func(text string) bool { return strings.Count(text, approves) == 1 }
	none := func(text string) bool { return !strings.Contains(text, approves) }
	o.home(slacktest.Alice, "both questions, that it did not show when she opened it", both)
	o.openHome(slacktest.BobUser)
	o.home(slacktest.BobUser, "the run that bob did not start", one)
	o.openHome(slacktest.Carol) // whose role is asked later
	o.home(slacktest.Carol, "both runs, and no question", func(text string) bool {
		return none(text) && strings.Contains(text, "r1") && strings.Contains(text, "r2") && strings.Contains(text, "started by bob")
	})
	o.openHome(slacktest.Gus)
	o.home(slacktest.Gus, "why a guest sees nothing", func(text string) bool {
		return strings.Contains(text, "Guests have no say") && !strings.Contains(text, "r1")
	})
	if _, err := s.Click(slacktest.Click{User: slacktest.BobUser, Action: "rb.approve.v1"}); err != nil {
		t.Fatal(err)
	}
	if r := o.ended("r1"); r.Word != engine.Succeeded {
		t.Errorf("it ended %s", r.Word)
	}
	o.home(slacktest.BobUser, "nothing to press", none)
	o.home(slacktest.Alice, "what is left", one)
	o.proc.kill()
	o.strange = []string{"bob"} // each card is drawn anew
	o.open()
	if err := o.proc.rt.Give(t.Context(), "r2", engine.Cancel{By: "bob"}); err != nil {
		t.Fatal(err)
	}
	o.home(slacktest.Alice, "nothing to press after a restart", none)
	o.proc.kill()
	o.open()
	o.start("r3", "")
	o.home(slacktest.Alice, "what was asked after another restart", one)
}

// TestHomeAndCard has one person press on their home while another presses on the
// card: one decision, and both are told.
func TestHomeAndCard(t *testing.T) {
	s := quiet(t)
	o := newOffice(t, s, 1)
	o.pace = 1
	o.open()
	o.start("r1", "")
	card := o.card("r1")
	o.openHome(slacktest.Alice)
	o.home(slacktest.Alice, "the question", func(text string) bool { return strings.Contains(text, approves) })
	s.Hold()
	if _, err := s.Click(slacktest.Click{User: slacktest.Alice, Action: "rb.approve.v1"}); err != nil {
		t.Fatal(err)
	}
	o.click(slacktest.BobUser, card.TS, "rb.approve.v1")
	s.Release(false)
	o.ended("r1")
	if n := o.actions("r1"); n != 1 {
		t.Errorf("it has acted %d times", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	answered := func(m slacktest.Message) bool {
		return slacktest.Containing("Your yes counts")(m) || slacktest.Containing("Too late: it was approved by bob")(m)
	}
	if _, err := s.WaitDirect(ctx, slacktest.Alice, answered); err != nil {
		t.Errorf("alice is told nothing: %v", err)
	}
	if _, err := s.WaitEphemeral(ctx, slacktest.Incidents, slacktest.BobUser, func(m slacktest.Message) bool {
		return slacktest.Containing("Your yes counts")(m) || slacktest.Containing("Too late: it was approved by alice")(m)
	}); err != nil {
		t.Errorf("bob is told nothing: %v", err)
	}
	o.closed(card.TS)
	o.home(slacktest.Alice, "nothing to press", func(text string) bool { return !strings.Contains(text, approves) })
}

// TestHomeUnanswered presses on a home what was decided in that moment, and is
// answered.
func TestHomeUnanswered(t *testing.T) {
	s := quiet(t)
	o := newOffice(t, s, 1)
	o.pace = 1
	o.open()
	for i := range 8 {
		o.start(fmt.Sprintf("r%d", i), "")
		o.card(fmt.Sprintf("r%d", i))
	}
	o.openHome(slacktest.Alice)
	o.home(slacktest.Alice, "the newest in full, and how many more there are", func(text string) bool {
		return strings.Count(text, approves) == 5 && strings.Contains(text, "3 more")
	})
	o.press(slacktest.Click{User: slacktest.Alice, Action: "rb.details.v1"})
	o.shown(slacktest.Alice, "bound to")
}
