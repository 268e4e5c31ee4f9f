package http

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// told is one replica that is told its settings over HTTP.
type told struct {
	mu      sync.Mutex
	values  map[string]any
	version int
	deaf    bool   // it takes a value, and goes on with the old one
	untied  bool   // it says no ETag, and takes what comes
	before  func() // what happens between a look and the change
	url     string
}

func (r *told) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Header.Get("X-Admin") != "yes" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if req.Method == http.MethodPatch && r.before != nil {
		r.before()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch req.Method {
	case http.MethodGet:
		if !r.untied {
			w.Header().Set("ETag", fmt.Sprintf(`"%d"`, r.version))
		}
		if err := json.NewEncoder(w).Encode(r.values); err != nil {
			panic(err)
		}
	case http.MethodPatch:
		var patch map[string]any
		if err := json.NewDecoder(req.Body).Decode(&patch); err != nil || req.Header.Get("Content-Type") != "application/merge-patch+json" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if !r.untied && req.Header.Get("If-Match") != fmt.Sprintf(`"%d"`, r.version) {
			w.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		for key, v := range patch {
			if !r.deaf {
				r.set(key, v)
			}
		}
	}
}

// set is called with mu held.
func (r *told) set(key string, v any) {
	r.version++
	if v == nil {
		delete(r.values, key)
		return
	}
	r.values[key] = v
}

type tellers []*told

// tell starts replicas that run pool = 20.
func tell(t *testing.T, n int) tellers {
	t.Helper()
	var all tellers
	for range n {
		r := &told{values: map[string]any{"pool": 20}}
		srv := httptest.NewServer(r)
		t.Cleanup(srv.Close)
		r.url = srv.URL + "/settings"
		all = append(all, r)
	}
	return all
}

func (all tellers) section() string {
	var urls []string
	for _, r := range all {
		urls = append(urls, r.url)
	}
	raw, err := json.Marshal(map[string]any{"replicas": urls, "headers": map[string]string{"X-Admin": "yes"}})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// run is what the replicas run, in their order.
func (all tellers) run() string {
	var out []string
	for _, r := range all {
		r.mu.Lock()
		out = append(out, fmt.Sprint(r.values["pool"]))
		r.mu.Unlock()
	}
	return strings.Join(out, " ")
}

func undo(t *testing.T, b plugins.Bound, receipt json.RawMessage) plugins.Outcome {
	t.Helper()
	c := call("settings.apply", "")
	c.Input, c.Receipt = nil, receipt
	return b.Run(t.Context(), c, quiet{})
}

const toFifty = `{"setting": "pool", "value": 50}`

func TestSettingInWaves(t *testing.T) {
	all := tell(t, 5)
	b := bind(t, "settings", all.section(), plugins.Mutate)
	var at []string // what ran when each was told
	for _, r := range all {
		r.before = func() { at = append(at, all.run()) }
	}
	out := b.Run(t.Context(), call("settings.apply", toFifty), quiet{})
	if out.Failure != nil || out.Applied != plugins.All || all.run() != "50 50 50 50 50" {
		t.Fatalf("%+v; they run %s", out, all.run())
	}
	if got := decode[capability.ApplyOutput](t, out.Outputs); got.From.String() != "20" || got.To.String() != "50" || !got.Live {
		t.Errorf("outputs %+v", got)
	}
	if len(at) != 5 || at[1] != "50 20 20 20 20" || at[2] != "50 50 20 20 20" {
		t.Errorf("what ran when each was told: %q", at)
	}
	if out := undo(t, b, out.Receipt); out.Failure != nil || all.run() != "20 20 20 20 20" {
		t.Errorf("undone: %+v; they run %s", out, all.run())
	}
}

// TestReplicaThatDoesNotTakeIt holds that a wave which does not run the value
// is the last one, and that the waves which did are put back.
func TestReplicaThatDoesNotTakeIt(t *testing.T) {
	all := tell(t, 5)
	all[1].deaf = true
	b := bind(t, "settings", all.section(), plugins.Mutate)
	plan, err := b.Plan(t.Context(), call("settings.apply", toFifty))
	if err != nil || plan.BlastRadius.Affected != 5 || !strings.Contains(plan.Detail, "wave 3 of 3") {
		t.Fatalf("plan %+v, %v", plan, err)
	}
	out := b.Run(t.Context(), call("settings.apply", `{"setting": "pool", "value": 50, "live_within": "300ms"}`), quiet{})
	if out.Failure == nil || out.Failure.Class != plugins.Timeout || out.Applied != plugins.Partial || all.run() != "50 20 20 20 20" {
		t.Fatalf("%+v; they run %s", out, all.run())
	}
	probed := b.Probe(t.Context(), call("settings.apply", toFifty), plan.Undo)
	if r := decode[capability.SettingsReceipt](t, probed.Receipt); probed.Applied != plugins.Partial || probed.Left != out.Left || !slices.Equal(r.Replicas, []string{all[0].url}) {
		t.Errorf("a lost call: %+v", probed)
	}
	if out := undo(t, b, out.Receipt); out.Failure != nil || out.Applied != plugins.All || all.run() != "20 20 20 20 20" {
		t.Errorf("undone: %+v; they run %s", out, all.run())
	}
}

// TestWaveAfterWave changes the first replicas in one call and the rest in
// another, as two steps with a look between them do.
func TestWaveAfterWave(t *testing.T) {
	all := tell(t, 4)
	b := bind(t, "settings", all.section(), plugins.Mutate)
	upTo := func(wave string) plugins.Call {
		return call("settings.apply", `{"setting": "pool", "value": 50, "waves": [`+wave+`]}`)
	}
	then, err := b.Plan(t.Context(), upTo(`"50%"`))
	if err != nil {
		t.Fatal(err)
	}
	var receipts []json.RawMessage
	left := ""
	for i, wave := range []string{`1`, `"25%"`, `"50%"`, `"100%"`} {
		c := upTo(wave)
		c.Expect = left
		out := b.Run(t.Context(), c, quiet{})
		if want := []string{"50 20 20 20", "50 20 20 20", "50 50 20 20", "50 50 50 50"}[i]; out.Failure != nil || all.run() != want || (out.Applied == plugins.None) != (i == 1) {
			t.Fatalf("up to %s: %+v; they run %s, want %s", wave, out, all.run(), want)
		}
		left = out.Left
		if out.Receipt != nil {
			receipts = append(receipts, out.Receipt)
		}
		if i == 0 {
			if now, err := b.Plan(t.Context(), upTo(`"50%"`)); err != nil || string(now.Binding) != string(then.Binding) || now.Fingerprint != left {
				t.Errorf("planned after the first: %+v, %v; it was bound to %s", now, err, then.Binding)
			}
		}
	}
	slices.Reverse(receipts)
	for i, r := range receipts {
		if out := undo(t, b, r); out.Failure != nil || all.run() != []string{"50 50 20 20", "50 20 20 20", "20 20 20 20"}[i] {
			t.Errorf("undone: %+v; they run %s", out, all.run())
		}
	}
}

func TestSettingForAllAtOnceNeedsAReason(t *testing.T) {
	all := tell(t, 3)
	b := bind(t, "settings", all.section(), plugins.Mutate)
	const atOnce = `{"setting": "pool", "value": 50, "waves": ["100%"]`
	if plan, err := b.Plan(t.Context(), call("settings.apply", atOnce+`}`)); err != nil || !strings.Contains(plan.Detail, "refused, unless some run it by then") {
		t.Errorf("planned: %+v, %v", plan, err)
	}
	if out := b.Run(t.Context(), call("settings.apply", atOnce+`}`), quiet{}); out.Failure == nil || out.Failure.Class != plugins.Denied || out.Applied != plugins.None || all.run() != "20 20 20" {
		t.Errorf("without a reason: %+v; they run %s", out, all.run())
	}
	if out := b.Run(t.Context(), call("settings.apply", atOnce+`, "all_at_once": "they must agree"}`), quiet{}); out.Failure != nil || all.run() != "50 50 50" {
		t.Errorf("with a reason: %+v; they run %s", out, all.run())
	}
}

func TestSettingThatSomebodyElseChanges(t *testing.T) {
	all := tell(t, 3)
	b := bind(t, "settings", all.section(), plugins.Mutate)
	all[1].before = func() { // between our look and our change
		all[1].mu.Lock()
		defer all[1].mu.Unlock()
		all[1].set("pool", 30)
	}
	plan, err := b.Plan(t.Context(), call("settings.apply", toFifty))
	if err != nil {
		t.Fatal(err)
	}
	c := call("settings.apply", toFifty)
	c.Expect = plan.Fingerprint
	out := b.Run(t.Context(), c, quiet{})
	if out.Failure == nil || out.Failure.Class != plugins.Drift || out.Applied != plugins.Partial || all.run() != "50 30 20" {
		t.Fatalf("%+v; they run %s", out, all.run())
	}
	if r := decode[capability.SettingsReceipt](t, out.Receipt); !slices.Equal(r.Replicas, []string{all[0].url}) {
		t.Errorf("receipt %+v", r)
	}
	if out := b.Run(t.Context(), c, quiet{}); out.Failure == nil || out.Failure.Class != plugins.Drift || out.Applied != plugins.None {
		t.Errorf("against what was planned: %+v", out)
	}
	if out := b.Run(t.Context(), call("settings.current", `{"setting": "pool"}`), quiet{}); out.Failure == nil || out.Failure.Class != plugins.Inconclusive || !strings.Contains(out.Failure.Reason, "50 on 1, 30 on 1, 20 on 1") {
		t.Errorf("what they run: %+v", out)
	}
	if out := undo(t, b, out.Receipt); out.Failure != nil || all.run() != "20 30 20" {
		t.Errorf("undone: %+v; they run %s", out, all.run())
	}
}

// What cannot refuse is said before it is told, and only of what will be told.
func TestReplicasWithoutETag(t *testing.T) {
	for untied, want := range map[int]string{
		0: "",
		1: plugins.LastLook + ", on the 1 of 2 replicas that say no ETag\n",
		2: plugins.LastLook + ": no ETag is said\n",
	} {
		all := tell(t, 3)
		all[2].untied, all[2].values["pool"] = true, 50 // done already
		for _, r := range all[:untied] {
			r.untied = true
		}
		plan, err := bind(t, "settings", all.section(), plugins.Mutate).Plan(t.Context(), call("settings.apply", toFifty))
		if err != nil {
			t.Fatal(err)
		}
		if head, _, _ := strings.Cut(plan.Detail, "wave 1 "); head != want {
			t.Errorf("%d of 2 say none: %q, want %q", untied, head, want)
		}
	}
}

func TestReadBindingMayNotChangeSettings(t *testing.T) {
	all := tell(t, 2)
	if out := bind(t, "settings", all.section(), plugins.Read).Run(t.Context(), call("settings.apply", toFifty), quiet{}); out.Failure == nil || out.Failure.Class != plugins.Denied || all.run() != "20 20" {
		t.Errorf("%+v; they run %s", out, all.run())
	}
}

// drift is somebody else, who sets them all for as long as the case lasts.
func (all tellers) drift(t *testing.T) {
	set := func(v int) {
		for _, r := range all {
			r.mu.Lock()
			r.set("pool", v)
			r.mu.Unlock()
		}
	}
	set(21)
	t.Cleanup(func() { set(20) })
}

// Steps that have nothing left to do, as where one replica is all that there
// is, are bound to what they were bound to when people were asked.
func TestWavesOfOneReplica(t *testing.T) {
	all := tell(t, 1)
	b := bind(t, "settings", all.section(), plugins.Mutate)
	step := func(wave string) plugins.Call {
		return call("settings.apply", `{"setting": "pool", "value": 50, "waves": ["`+wave+`"]}`)
	}
	asked, err := b.Plan(t.Context(), step("50%"))
	if err != nil {
		t.Fatal(err)
	}
	first := b.Run(t.Context(), step("10%"), quiet{})
	if first.Failure != nil || first.Applied != plugins.All || all.run() != "50" {
		t.Fatalf("%+v; it runs %s", first, all.run())
	}
	now, err := b.Plan(t.Context(), step("50%"))
	if err != nil || string(now.Binding) != string(asked.Binding) || now.Fingerprint != first.Left || now.BlastRadius.Affected != 0 {
		t.Errorf("planned at its turn: %+v, %v; people saw %s, and the first step left %s", now, err, asked.Binding, first.Left)
	}
	if out := b.Run(t.Context(), step("50%"), quiet{}); out.Failure != nil || out.Applied != plugins.None {
		t.Errorf("%+v", out)
	}
}
