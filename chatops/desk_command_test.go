package chatops_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// orders obeys every halt and hold.
type orders struct{}

func (orders) Order(context.Context, string, engine.StopKind, string, string, bool) error { return nil }

func (orders) Standing() []engine.Stop { return nil }

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

// library has one runbook.
type library struct{ chatops.Starts }

func (library) Books() []*runbook.Runbook { return []*runbook.Runbook{{Name: "restart-in-waves"}} }

// TestPick asks which runbook is meant where nothing is written and a form can be
// shown, and refuses one that there is not while it is filled in.
func TestPick(t *testing.T) {
	d := &chatops.Desk{Command: "/runbook", Now: time.Now, Starts: library{}}
	ann := chatops.Speaker{Person: "ann"}
	reply, err := d.Do(t.Context(), ann, chatops.Said{Text: " ", At: time.Now(), Form: true})
	if err != nil || reply.Form == nil || reply.Form.Do != chatops.DoPick {
		t.Errorf("nothing is answered with %+v, %v", reply, err)
	}
	reply, err = d.Do(t.Context(), ann, chatops.Said{At: time.Now()})
	if err != nil || reply.Form != nil || !strings.Contains(reply.Code, "/runbook help") {
		t.Errorf("nothing, in a thread, is answered with %+v, %v", reply, err)
	}
	for name, wrong := range map[string]string{"restart-in-waves": "", "restart-in-wawes": "did you mean restart-in-waves?"} {
		if got := d.Check(chatops.DoPick, "", map[string]string{"runbook": name})["runbook"]; !strings.Contains(got, wrong) || wrong == "" && got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
