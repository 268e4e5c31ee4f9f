package slack_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
	"github.com/firebreak-ops/firebreak/engine"
)

// many begins n runs, and waits until each has a card that can be pressed.
func (o *office) many(n int) (cards map[string]string) {
	o.t.Helper()
	o.pace = time.Millisecond
	o.open()
	for i := range n {
		o.start(fmt.Sprintf("m%04d", i), "")
	}
	o.until("card of each", func() bool {
		if o.slack.Calls("chat.postMessage") < 2*n { // the run, and its question
			return false
		}
		cards = o.pressable()
		return len(cards) == n
	})
	return cards
}

var manyID = regexp.MustCompile(`\bm\d{4}\b`)

// pressable are the messages in the channel that can be answered, by their
// runs.
func (o *office) pressable() (cards map[string]string) {
	cards = map[string]string{}
	for _, m := range o.slack.Messages(slacktest.Incidents) {
		if m.Has("rb.approve.v1") {
			cards[manyID.FindString(m.Text)] = m.TS
		}
	}
	return cards
}

func (o *office) until(what string, cond func() bool) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), 10*patience)
	defer cancel()
	if err := o.slack.Await(ctx, cond); err != nil {
		o.t.Fatalf("no %s: %.300s", what, err)
	}
}

// restart ends the process, and begins the next, which sends a message in each
// interval; every card is to be shown anew then, as one of those who are called
// has no account any more.
func (o *office) restart(every time.Duration) {
	o.t.Helper()
	o.proc.kill()
	o.pace, o.strange = every, []string{"bob"}
	o.open()
}

// TestMany has many questions open at once, over a restart after which each
// card is to be shown anew, which takes hours. A new question is not behind
// them; every press on an old card acts at once, and is answered. In the end no
// card can be pressed. BenchmarkMany does it with a thousand.
func TestMany(t *testing.T) {
	const manyCards = 100
	o := newOffice(t, quiet(t), 1)
	cards := o.many(manyCards)
	o.restart(time.Minute)
	o.start("new", "")
	card := o.card("new") // one edit a minute: behind the others it would not be seen today
	o.click(slacktest.Alice, card.TS, "rb.approve.v1")
	o.ended("new")
	o.told(slacktest.Alice, "Your yes counts") // so that its answer is none of those that are counted
	answers := o.slack.Calls("response_url")
	for _, ts := range cards {
		o.click(slacktest.Alice, ts, "rb.approve.v1")
	}
	o.until("answer to each press", func() bool { return o.slack.Calls("response_url") >= answers+manyCards })
	for id := range cards {
		if r := o.ended(id); r.Word != engine.Succeeded || o.actions(id) != 1 {
			t.Errorf("%s ended %s, and acted %d times", id, r.Word, o.actions(id))
		}
	}
	counted := 0
	for _, m := range o.slack.Ephemerals(slacktest.Incidents, slacktest.Alice) {
		if slacktest.Containing("Your yes counts")(m) {
			counted++
		}
	}
	if counted != manyCards+1 {
		t.Errorf("of %d people who pressed, %d were told that it counts", manyCards+1, counted)
	}
	o.proc.kill()
	o.pace = time.Millisecond
	o.open()
	o.until("closed card of each", func() bool {
		return o.slack.Calls("chat.update") >= manyCards && len(o.pressable()) == 0
	})
}

// BenchmarkMany measures with a thousand open cards, all of them to be shown
// anew at the pace of a real channel: from the start of a run to its card, and
// from a press on an old card to the first change that it allows, twice for
// each new run.
func BenchmarkMany(b *testing.B) {
	o := newOffice(b, quiet(b), 1)
	cards := o.many(1000)
	o.restart(time.Second) // as Slack has it
	old := slices.Sorted(maps.Keys(cards))
	var shown, acts []time.Duration
	n := 0
	for b.Loop() {
		b.StopTimer()
		<-time.After(3 * time.Second) // else the runs that begin here take all that the channel lets through
		b.StartTimer()
		fresh := fmt.Sprintf("n%04d", n)
		began := time.Now()
		o.start(fresh, "")
		o.card(fresh)
		shown = append(shown, time.Since(began))
		for range 2 {
			run := old[n%len(old)]
			n++
			acted := o.acting(run)
			began = time.Now()
			o.click(slacktest.Alice, cards[run], "rb.approve.v1")
			<-acted
			acts = append(acts, time.Since(began))
		}
	}
	for name, all := range map[string][]time.Duration{"card": shown, "act": acts} {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "ms/"+name+"-p50")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "ms/"+name+"-p99")
	}
}
