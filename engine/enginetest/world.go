package enginetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/firebreak-ops/firebreak/engine"
)

// World is what the fake actions act on. It keeps its own account of all that
// was done to it, from which tests judge a run. Many goroutines may use it.
type World struct {
	mu     sync.Mutex
	values map[string]int
	sick   bool
	served string
	names  map[string]string // what plans say of a key that it is
	begun  []Call
	faults map[string]Fault // by id of the call, without the run
}

// Call is a mutation that the world was asked for.
type Call struct {
	ID     string
	Action string
	Undo   bool
	Done   bool   // it took effect
	Key    string // what it changed
	Before int
	After  int
}

// NewWorld returns a world in which every value is 0 and all is well.
func NewWorld() *World {
	return &World{values: map[string]int{}, names: map[string]string{}, served: "world@1", faults: map[string]Fault{}}
}

// Set changes a value, as somebody else would.
func (w *World) Set(key string, value int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.values[key] = value
}

// Get returns a value.
func (w *World) Get(key string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.values[key]
}

// Names lets plans say that a key is a resource.
func (w *World) Names(key, resource string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names[key] = resource
}

// SetSick says what world.health finds.
func (w *World) SetSick(sick bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sick = sick
}

// Calls returns the mutations that were begun, in their order.
func (w *World) Calls() []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Call(nil), w.begun...)
}

// Do carries a command out at once. It returns nil for a command that has no
// answer or that is not for plugins.
func (w *World) Do(cmd engine.Command) engine.Input {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f, ok := w.faults[short(cmd.CommandID())]; ok {
		return w.fail(cmd, f)
	}
	switch c := cmd.(type) {
	case engine.PlanCall:
		return w.plan(c)
	case engine.Read:
		return engine.Returned{ID: c.ID, Outcome: w.read(c)}
	case engine.Act, engine.Undo:
		id := cmd.CommandID()
		w.begin(cmd)
		return engine.Returned{ID: id, Outcome: w.perform(cmd)}
	case engine.Probe:
		return engine.Probed{ID: c.ID, Outcome: w.probe(c.Call)}
	case engine.Notify:
		return engine.Notified{ID: c.ID}
	default:
		return nil
	}
}

// Begin notes that a mutation was started, and nothing else.
func (w *World) Begin(cmd engine.Command) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begin(cmd)
}

// Perform lets a mutation that was begun take effect, unless its target is
// not as expected.
func (w *World) Perform(cmd engine.Command) engine.Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.perform(cmd)
}

// Claim is what a plugin would say had a mutation taken effect.
func (w *World) Claim(cmd engine.Command) engine.Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	action, t, _ := mutation(cmd)
	return w.applied(cmd.CommandID(), action, t.Key, w.values[t.Key])
}

type target struct {
	Key   string `json:"key"`
	Value int    `json:"value"`
}

func parse(input, receipt json.RawMessage) target {
	var t target
	if input == nil {
		input = receipt
	}
	_ = json.Unmarshal(input, &t)
	return t
}

// after is the value that an action makes of another.
func after(action string, before int, t target) int {
	switch action {
	case "world.set", "tool.set":
		return t.Value
	case "world.unbump", "world.unslow":
		return before - 1
	default:
		return before + 1
	}
}

func (w *World) fingerprint(action, key string) string {
	if action == "world.once" {
		return ""
	}
	return fmt.Sprintf("%s=%d", key, w.values[key])
}

func (w *World) plan(c engine.PlanCall) engine.Input {
	t := parse(c.Input, c.Receipt)
	binding := map[string]any{"key": t.Key}
	if strings.HasSuffix(c.Action, ".set") {
		binding["value"] = t.Value
	}
	return engine.Planned{ID: c.ID, Plan: engine.Plan{
		Binding: object(binding), Fingerprint: w.fingerprint(c.Action, t.Key),
		Detail: fmt.Sprintf("%s is %d", t.Key, w.values[t.Key]), Unit: "value", Affected: 1, Total: 1,
		Undo: object(target{t.Key, w.values[t.Key]}), Served: w.served, Resource: w.names[t.Key],
	}}
}

func (w *World) read(c engine.Read) engine.Outcome {
	out := map[string]any{"ok": !w.sick}
	if c.Action == "world.read" {
		out = map[string]any{"value": w.values[parse(c.Input, nil).Key]}
	}
	return engine.Outcome{Outputs: object(out)}
}

func (w *World) begin(cmd engine.Command) {
	action, t, undo := mutation(cmd)
	w.begun = append(w.begun, Call{ID: cmd.CommandID(), Action: action, Undo: undo, Key: t.Key})
}

func mutation(cmd engine.Command) (action string, t target, undo bool) {
	switch c := cmd.(type) {
	case engine.Act:
		return c.Action, parse(c.Input, nil), false
	case engine.Undo:
		return c.Action, parse(c.Input, c.Receipt), true
	default:
		return "", target{}, false
	}
}

func expected(cmd engine.Command) string {
	switch c := cmd.(type) {
	case engine.Act:
		return c.Expect
	case engine.Undo:
		return c.Expect
	default:
		return ""
	}
}

func (w *World) perform(cmd engine.Command) engine.Outcome {
	action, t, _ := mutation(cmd)
	if now := w.fingerprint(action, t.Key); now != expected(cmd) {
		return engine.Outcome{
			Failure: &engine.Failure{Class: "drift", Reason: "it is " + now},
			Effect:  engine.EffectNone,
		}
	}
	before := w.values[t.Key]
	w.values[t.Key] = after(action, before, t)
	for i := range w.begun {
		if c := &w.begun[i]; c.ID == cmd.CommandID() && !c.Done {
			c.Done, c.Before, c.After = true, before, w.values[t.Key]
		}
	}
	return w.applied(cmd.CommandID(), action, t.Key, before)
}

func (w *World) applied(id, action, key string, before int) engine.Outcome {
	return engine.Outcome{
		Effect: engine.EffectApplied, Outputs: object(map[string]int{"value": w.values[key]}),
		Receipt: object(map[string]any{"call": id, "key": key, "value": before}), Left: w.fingerprint(action, key), Served: w.served,
	}
}

func (w *World) probe(call string) engine.Outcome {
	for _, c := range w.begun {
		if c.ID == call && c.Done {
			o := w.applied(c.ID, c.Action, c.Key, c.Before)
			o.Left = fmt.Sprintf("%s=%d", c.Key, c.After)
			return o
		}
	}
	return engine.Outcome{Effect: engine.EffectNone}
}

// short removes the run from an id.
func short(id string) string {
	_, rest, _ := strings.Cut(id, "/")
	return rest
}

// Forget drops the account of what was begun, and what was to end badly. It
// keeps the values.
func (w *World) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = nil
	clear(w.faults)
}
