package local_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("FIREBREAK_TEST_OWNER"); dir != "" {
		own(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

const twice = `firebreak: v1
name: twice
title: Change two things
owner: sre
inputs:
  service: {type: service, required: true}
service: ${{ inputs.service }}
steps:
  - id: look
    uses: metrics.pool
  - id: change
    approve:
      of:
        - role: sre
          for: 8m
    steps:
      - id: one
        uses: settings.apply
        with:
          setting: one
          value: 1
        retry:
          attempts: 2
          on: [unavailable]
        undo:
          uses: settings.apply
      - id: two
        uses: settings.apply
        with:
          setting: two
          value: 2
        retry:
          attempts: 2
          on: [unavailable]
        undo:
          uses: settings.apply
    verify:
      uses: metrics.health
      until: result.error_rate < 0.01
      every: 100ms
      within: 1m
`

// target is what the runs of this test change: a folder with a file for each
// setting, with a line for each time that it was written.
type target struct {
	dir string
	say func(what string)
}

func (w target) path(input json.RawMessage) string {
	var in struct{ Setting string }
	if json.Unmarshal(input, &in) != nil || in.Setting == "" {
		return ""
	}
	return filepath.Join(w.dir, "setting-"+in.Setting)
}

func (w target) Do(_ context.Context, _ local.RunInfo, cmd engine.Command) engine.Input {
	w.say("begin " + cmd.CommandID())
	defer w.say("end " + cmd.CommandID())
	switch c := cmd.(type) {
	case engine.PlanCall:
		return engine.Planned{ID: c.ID, Plan: engine.Plan{Binding: c.Input, Fingerprint: "f", Undo: json.RawMessage(`{}`), Served: "fake@1"}}
	case engine.Read:
		return engine.Returned{ID: c.ID, Outcome: engine.Outcome{Effect: engine.EffectNone, Outputs: json.RawMessage(`{"max":20,"error_rate":0}`)}}
	case engine.Act:
		f, err := os.OpenFile(w.path(c.Input), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteString(c.ID + "\n")
			err = errors.Join(err, f.Close())
		}
		w.say("wrote " + c.ID)
		return engine.Returned{ID: c.ID, Outcome: outcome(err)}
	case engine.Probe:
		if text, err := os.ReadFile(w.path(c.Input)); err != nil || len(text) == 0 {
			return engine.Probed{ID: c.ID, Outcome: engine.Outcome{Effect: engine.EffectNone}}
		}
		return engine.Probed{ID: c.ID, Outcome: outcome(nil)}
	case engine.Notify:
		return engine.Notified{ID: c.ID}
	default:
		return nil
	}
}

func outcome(err error) engine.Outcome {
	if err != nil {
		return engine.Outcome{Failure: &engine.Failure{Class: "internal", Reason: err.Error()}, Effect: engine.EffectUnknown}
	}
	return engine.Outcome{Effect: engine.EffectApplied, Outputs: json.RawMessage(`{"live":true}`), Receipt: json.RawMessage(`{}`), Left: "f"}
}

// drive opens the state in a folder and brings the run r to its end, which it
// starts if it is not there.
func drive(ctx context.Context, dir string, book func([]byte) (*runbook.Runbook, error), say func(string)) (word engine.Word, err error) {
	store, err := sqlite.Open(ctx, filepath.Join(dir, "state.db"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, store.Close()) }() //nolint:contextcheck // it ends with the function
	rt, err := local.Open(ctx, local.Config{
		Journal: store, State: store, Executor: target{dir, say}, Book: book,
		Warn: func(run string, err error) { say("warn " + run + " " + err.Error()) },
	})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, rt.Close(ctx)) }()
	if _, err := rt.Run(ctx, "r"); err != nil {
		f := engine.Facts{
			ID: "r", Runbook: "twice", Requester: engine.Requester{Kind: "alert", Name: "a"}, Service: "api",
			Inputs:    map[string]json.RawMessage{"service": json.RawMessage(`"api"`)},
			Roles:     map[string]engine.Role{"sre": {People: []string{"alice"}}},
			Resources: map[string]string{"settings": "git:/srv/config"},
			Pins:      engine.Pins{Runbook: local.Digest([]byte(twice))},
		}
		if _, err := rt.Start(ctx, f, []byte(twice)); err != nil {
			return "", err
		}
	}
	recs, err := rt.Watch(ctx, "r", 1)
	if err != nil {
		return "", err
	}
	for range recs {
		r, err := rt.Run(ctx, "r")
		if err != nil {
			return "", err
		}
		for _, q := range r.OpenQuestions() {
			if q.Kind != engine.AskGate {
				return "", fmt.Errorf("somebody is asked %s: %s", q.Kind, q.Text)
			}
			var refused *engine.Refusal
			err := rt.Give(ctx, "r", engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true})
			if err != nil && !errors.As(err, &refused) { // answered on an earlier record
				return "", err
			}
		}
	}
	r, err := rt.Run(ctx, "r")
	return r.Word, err
}

// own is a process that owns a state until it is killed.
func own(dir string) {
	say := func(what string) { os.Stdout.WriteString(what + "\n") }
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	word, err := drive(ctx, dir, local.ParseForTests(), say)
	say(fmt.Sprintf("ended %s %v", word, err))
}

// Wherever its owner is killed, a run ends as it would have, and nothing that
// changes something is done twice.
func TestKilledOwner(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for kill := 1; ; kill++ { // after that many things that the owner has said
		dir := t.TempDir()
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "FIREBREAK_TEST_OWNER="+dir)
		cmd.SysProcAttr = dieWithParent()
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var last string
		lines := bufio.NewScanner(out)
		for n := 1; lines.Scan(); n++ {
			if n == kill {
				last = lines.Text()
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // it was killed
		word, err := drive(t.Context(), dir, local.ParseForTests(), func(string) {})
		if err != nil || word != engine.Succeeded {
			t.Errorf("killed after %q: the run ended as %q, %v", last, word, err)
		}
		for _, setting := range []string{"one", "two"} {
			text, err := os.ReadFile(filepath.Join(dir, "setting-"+setting))
			if n := strings.Count(string(text), "\n"); err != nil || n != 1 {
				t.Errorf("killed after %q: setting %s was written %d times, %v", last, setting, n, err)
			}
		}
		if last == "" || strings.HasPrefix(last, "ended") {
			if kill < 15 {
				t.Errorf("only %d places to be killed at", kill)
			}
			return
		}
	}
}
