package slack_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
	"github.com/firebreak-ops/firebreak/engine"
)

// bubble runs a test in which time passes only while everything waits for it.
// No connection outlives its request there: what waits on a network would hold
// the time.
func bubble(t *testing.T, do func(t *testing.T, o *office)) {
	t.Helper()
	s := quiet(t)
	shared := http.DefaultTransport
	http.DefaultTransport = &http.Transport{DisableKeepAlives: true}
	t.Cleanup(func() { http.DefaultTransport = shared })
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, s, 1)
		o.cfg.AppToken, o.cfg.SigningSecret = "", slacktest.SigningSecret // a socket would hold the time, too
		do(t, o)
	})
}

// reminded lists whom messages in the channel have called again, and why.
func (o *office) reminded() []string {
	all := []string{}
	for _, m := range o.slack.Messages(slacktest.Incidents) {
		for _, r := range []struct{ why, short string }{
			{"Half of the time is over", "half:"}, {"Little time is left", "late:"}, {"Nobody has answered yet", "next:"}, {"An answer is needed", "anew:"},
		} {
			if !strings.Contains(m.Text, r.why) {
				continue
			}
			for _, p := range o.directory().People {
				if strings.Contains(m.Render(), "<@"+p.ID+">") {
					r.short += " " + p.Name
				}
			}
			all = append(all, r.short)
		}
	}
	return all
}

// TestReminders lets the time of a question pass, 16 minutes of which the first
// role has 8: people are called again when half of it is over, when the next
// role is asked, and when little is left; each time those who can still answer,
// and nobody after a decision or an end.
func TestReminders(t *testing.T) {
	type moment struct {
		after time.Duration // the start of the run
		do    func(o *office, q engine.Question)
		want  []string // all reminders so far
	}
	give := func(in func(q engine.Question) engine.Input) func(*office, engine.Question) {
		return func(o *office, q engine.Question) {
			o.t.Helper()
			if err := o.proc.rt.Give(o.t.Context(), "r1", in(q)); err != nil {
				o.t.Fatal(err)
			}
		}
	}
	vote := func(by string, yes bool) func(*office, engine.Question) {
		return give(func(q engine.Question) engine.Input {
			return engine.Vote{By: by, Question: q.ID, Digest: q.Digest, Approve: yes}
		})
	}
	hand := give(func(q engine.Question) engine.Input { return engine.Hand{By: "alice", Question: q.ID, To: "carol"} })
	extend := give(func(q engine.Question) engine.Input { return engine.Extend{By: "alice", Question: q.ID} })
	const second = time.Second
	half, next, late := 8*time.Minute, 8*time.Minute, 14*time.Minute+24*second
	for _, c := range []struct {
		name    string
		by      string // who started it
		quorum  int
		moments []moment
	}{
		{"nobody answers", "bob", 1, []moment{
			{half - second, nil, nil},
			{next + second, nil, []string{"next: alice carol"}}, // half of the time is over as well: one call
			{late - second, nil, []string{"next: alice carol"}},
			{late + second, nil, []string{"next: alice carol", "late: alice carol"}},
			{3 * time.Hour, nil, []string{"next: alice carol", "late: alice carol"}},
		}},
		{"a yes before half of the time", "", 1, []moment{
			{time.Minute, vote("bob", true), nil},
			{3 * time.Hour, nil, nil},
		}},
		{"a no after half of the time", "", 1, []moment{
			{next + second, vote("carol", false), []string{"next: alice bob carol"}},
			{3 * time.Hour, nil, []string{"next: alice bob carol"}},
		}},
		{"one of two has said yes", "", 2, []moment{
			{time.Minute, vote("alice", true), nil},
			{next + second, nil, []string{"next: bob carol"}},
			{late + second, vote("bob", true), []string{"next: bob carol", "late: bob carol"}},
			{3 * time.Hour, nil, []string{"next: bob carol", "late: bob carol"}},
		}},
		{"one leaves it to another", "bob", 1, []moment{
			{time.Minute, hand, nil},
			{next + second, nil, []string{"next: carol"}},
			{late + second, nil, []string{"next: carol", "late: carol"}},
		}},
		{"it is kept open longer", "bob", 1, []moment{ // 32 minutes
			{time.Minute, extend, nil},
			{next + second, nil, []string{"next: alice carol"}},
			{16*time.Minute + second, nil, []string{"next: alice carol", "half: alice carol"}},
			{29 * time.Minute, nil, []string{"next: alice carol", "half: alice carol", "late: alice carol"}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, o *office) {
				o.quorum(c.quorum)
				o.open()
				began := time.Now()
				o.start("r1", c.by)
				for _, m := range c.moments {
					<-time.After(time.Until(began.Add(m.after)))
					synctest.Wait()
					if got := o.reminded(); !slices.Equal(m.want, got) {
						t.Errorf("after %s (-want +got):\n%s", m.after, cmp.Diff(m.want, got))
					}
					if m.do != nil {
						r := o.run("r1")
						m.do(o, r.OpenQuestions()[0])
					}
				}
			})
		})
	}
}

// TestYesBeforeTheQuestion writes a yes and no which of it: heard later than it was
// written, it is no yes to what was asked only after that.
func TestYesBeforeTheQuestion(t *testing.T) {
	t.Parallel()
	o := newOffice(t, quiet(t), 1)
	p := o.open()
	before := time.Now()
	o.start("r1", "")
	o.card("r1")
	alice := chatops.Speaker{Person: "alice"}
	reply, err := p.desk.Do(t.Context(), alice, chatops.Said{Text: "approve r1", At: before})
	if err != nil || !strings.Contains(reply.Text, "since you said that") || o.actions("r1") != 0 {
		t.Fatalf("%q, %v", reply.Text, err)
	}
	if reply, err = p.desk.Do(t.Context(), alice, chatops.Said{Text: "approve r1 --plan 000000000000", At: time.Now()}); err != nil || !strings.Contains(reply.Text, "is not what would be done now") || o.actions("r1") != 0 {
		t.Fatalf("of another plan: %q, %v", reply.Text, err)
	}
	run := o.run("r1")
	plan := run.OpenQuestions()[0].Plan()
	if reply, err = p.desk.Do(t.Context(), alice, chatops.Said{Text: "approve r1 --plan " + plan, At: time.Now()}); err != nil || !strings.Contains(reply.Text, "counts") {
		t.Fatalf("%q, %v", reply.Text, err)
	}
	o.ended("r1")
}
