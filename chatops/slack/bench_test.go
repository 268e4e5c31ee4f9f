package slack_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
)

// BenchmarkClick measures from a click in Slack to the first change that it
// allows: over a socket, through the inbox, the identity and the engine, each
// of them on the disk.
func BenchmarkClick(b *testing.B) {
	o := newOffice(b, slacktest.Start(b, slacktest.Config{Live: true, NoLimits: true}), 1)
	o.pace = time.Millisecond
	o.open()
	var took []time.Duration
	n := 0
	for b.Loop() {
		b.StopTimer()
		id := fmt.Sprintf("b%05d", n)
		n++
		o.start(id, "")
		card := o.card(id)
		acted := o.acting(id)
		b.StartTimer()
		began := time.Now()
		o.click(slacktest.Alice, card.TS, "rb.approve.v1")
		<-acted
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms/p99")
}
