package chatops_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine"
)

// orders obeys every halt and hold.
type orders struct{}

func (orders) Order(context.Context, string, engine.StopKind, string, string, bool) error { return nil }

// TestOld lets a daemon hear after eleven minutes what would set something
// going: it is not done, nobody is even asked whether it could be. What stops
// or only tells is done, however late.
func TestOld(t *testing.T) {
	heard := time.Date(2024, 7, 15, 3, 0, 0, 0, time.UTC)
	d := &chatops.Desk{Command: "/runbook", Now: func() time.Time { return heard.Add(11 * time.Minute) }, Stops: orders{}, Services: []string{"api"}}
	ann := chatops.Speaker{Person: "ann"}
	for text, done := range map[string]bool{
		"run restart": false, "retry 0715-0300-aaaaa": false, "cancel 0715-0300-aaaaa": false, "halt --lift": false, "hold api --lift": false,
		"halt": true, "hold api": true, "help": true,
	} {
		said := chatops.Said{Text: text, At: heard}
		reply, err := d.Do(t.Context(), ann, said)
		if err != nil || strings.Contains(reply.Text, "heard only now") == done {
			t.Errorf("%s: %q, %v", text, reply.Text, err)
		}
	}
	reply, err := d.Submit(t.Context(), ann, chatops.DoRun, "restart", nil, chatops.Said{At: heard})
	if err != nil || !strings.Contains(reply.Text, "heard only now") {
		t.Errorf("a form: %q, %v", reply.Text, err)
	}
}
