package slack_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
)

// stale presses on what a card showed before.
func (o *office) stale(user, ts, action string) {
	o.t.Helper()
	if _, err := o.slack.Click(slacktest.Click{User: user, Channel: slacktest.Incidents, TS: ts, Action: action, Stale: true}); err != nil {
		o.t.Fatal(err)
	}
}

// TestStale presses on the card of a question that has become void, before and
// after a restart, and sends a form when the run has ended: nothing of it
// counts, and whoever did it is told what to do.
func TestStale(t *testing.T) {
	o := newOffice(t, quiet(t), 1)
	o.open()
	o.start("r1", "")
	old := o.card("r1")
	halt := local.Order{Kind: engine.StopHalt, On: true, By: "carol", Reason: "wait"}
	if err := o.proc.rt.Order(t.Context(), halt); err != nil {
		t.Fatal(err)
	}
	o.closed(old.TS)
	halt.On = false
	if err := o.proc.rt.Order(t.Context(), halt); err != nil {
		t.Fatal(err)
	}
	anew := o.wait("card that asks anew", func(m slacktest.Message) bool { return m.TS != old.TS && m.Has("rb.approve.v1") })
	o.stale(slacktest.Alice, old.TS, "rb.approve.v1")
	o.told(slacktest.Alice, "answer the new question")
	o.proc.kill()
	o.open()
	o.stale(slacktest.BobUser, old.TS, "rb.approve.v1")
	o.told(slacktest.BobUser, "answer the new question")
	if r := o.run("r1"); r.Ended() || o.actions("r1") > 0 {
		t.Fatal("a yes to what became void has counted")
	}
	o.click(slacktest.BobUser, anew.TS, "rb.deny.v1")
	o.shown(slacktest.BobUser, "Why")
	o.click(slacktest.Alice, anew.TS, "rb.approve.v1")
	if r := o.ended("r1"); r.Word != engine.Succeeded {
		t.Errorf("it ended %s", r.Word)
	}
	o.submit(slacktest.BobUser, map[string]string{"reason": "not now"})
	o.told(slacktest.BobUser, "Too late: it was approved by alice")
}

// TestTwice sends a press in two envelopes over two sockets: it counts once, and
// is answered once.
func TestTwice(t *testing.T) {
	o := newOffice(t, quiet(t), 2)
	o.open()
	o.start("r1", "")
	card := o.card("r1")
	o.slack.DuplicateNext()
	o.click(slacktest.Alice, card.TS, "rb.approve.v1")
	o.eventually(func() bool { return o.proc.bot.Status().Repeated == 1 })
	o.told(slacktest.Alice, "1 of 2 have said yes") // it was heard twice, and is dealt with
	o.click(slacktest.BobUser, card.TS, "rb.approve.v1")
	o.ended("r1")
	o.told(slacktest.BobUser, "Your yes counts")
	if all := o.slack.Ephemerals(slacktest.Incidents, slacktest.Alice); len(all) != 1 {
		t.Errorf("she is told %d things", len(all))
	}
}

// TestNoWindow has Slack open no window for what somebody presses, because it was
// asked too late, too often, or for no reason: they are told to do it again.
func TestNoWindow(t *testing.T) {
	for name, f := range map[string]slacktest.Fault{
		"too late": {Error: "expired_trigger_id", Times: 1}, "limited": {RetryAfter: time.Second, Times: 1}, "broken": {Status: http.StatusInternalServerError, Times: 1},
	} {
		for _, action := range []string{"rb.details.v1", "rb.deny.v1"} {
			t.Run(name+" "+action, func(t *testing.T) {
				s := quiet(t)
				o := newOffice(t, s, 1)
				o.patient = true
				o.open()
				o.start("r1", "")
				card := o.card("r1")
				s.Fail("views.open", f)
				o.click(slacktest.Alice, card.TS, action)
				o.told(slacktest.Alice, "Do it once more")
			})
		}
	}
}

// TestChannelGoneMeanwhile takes the channel away while a question is open in
// it: as soon as another run finds out, its people are asked one by one.
func TestChannelGoneMeanwhile(t *testing.T) {
	s := quiet(t)
	o := newOffice(t, s, 1)
	o.patient = true
	o.open()
	o.start("r1", "")
	o.card("r1")
	o.wait("run that says for whom it waits", slacktest.Containing("waits for sre or leads"))
	o.wait("all that is told of it", slacktest.Containing("value 20"))
	o.eventually(func() bool { return o.proc.bot.Status().Waiting == 0 })
	s.DeleteChannel(slacktest.Incidents)
	o.start("r2", "")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m, err := s.WaitDirect(ctx, slacktest.Alice, func(m slacktest.Message) bool {
		return slacktest.Containing("r1")(m) && m.Has("rb.approve.v1")
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Click(slacktest.Click{User: slacktest.Alice, Channel: m.Channel, TS: m.TS, Action: "rb.approve.v1"}); err != nil {
		t.Fatal(err)
	}
	o.ended("r1")
}
