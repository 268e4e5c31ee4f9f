package engine_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// goldens are the events as some version has written them, by kind. They are
// never changed: what is stored must be read for ever.
func goldens(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]byte{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSuffix(filepath.Base(f), ".json")] = data
	}
	return found
}

func TestEveryKindHasAGoldenThatSurvives(t *testing.T) {
	found := goldens(t)
	for _, kind := range engine.Kinds() {
		data, ok := found[kind]
		if !ok {
			t.Errorf("testdata/events/%s.json is missing", kind)
			continue
		}
		delete(found, kind)
		e, err := engine.UnmarshalEvent(kind, data)
		if err != nil {
			t.Error(err)
			continue
		}
		v := reflect.ValueOf(e)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s: the golden says nothing about %s", kind, v.Type().Field(i).Name)
			}
		}
		again, raw, err := engine.MarshalEvent(e)
		if err != nil || again != kind {
			t.Errorf("%s comes back as %s: %v", kind, again, err)
		}
		if got := indent(t, raw); !bytes.Equal(got, data) {
			t.Errorf("%s comes back as\n%swas\n%s", kind, got, data)
		}
	}
	for kind := range found {
		t.Errorf("testdata/events/%s.json is no event", kind)
	}
}

func indent(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func TestUnknownKindsSurviveAndChangeNothing(t *testing.T) {
	data := []byte(`{"of":{"a":[1,"later"]},"version":1e3}`)
	e, err := engine.UnmarshalEvent("invented_later", slices.Clone(data))
	if err != nil {
		t.Fatal(err)
	}
	kind, raw, err := engine.MarshalEvent(e)
	if err != nil || kind != "invented_later" || !bytes.Equal(raw, data) {
		t.Fatalf("%s %s %v", kind, raw, err)
	}
	p := play(t, book("\n  - wait: 1m")).Start()
	before := engine.Pending(p.Run)
	after := engine.Pending(engine.Apply(p.Run, engine.Record{Seq: p.Run.Seq + 1, At: p.Now, Event: e}))
	if !reflect.DeepEqual(before, after) {
		t.Errorf("what is pending changed from %v to %v", before, after)
	}
}

func TestKnownKindsWithBadBytesAreErrors(t *testing.T) {
	for _, kind := range engine.Kinds() {
		if _, err := engine.UnmarshalEvent(kind, []byte(`[`)); err == nil {
			t.Errorf("%s: bad bytes are read", kind)
		}
	}
}

// Whatever was recorded applies, in any order, to any run: Apply has no way
// to fail.
func TestApplyNeverPanics(t *testing.T) {
	books := []string{
		book(set("a", gated, verified, guarded), bump("b", gated, unverified)),
		book(group("group", side("p", bump("c"))+bump("step"), gated, verified)) + "\nfinally:" + bump("z", gated, unverified),
	}
	events := goldens(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, src := range books {
		p := play(t, src).Start()
		for _, first := range engine.Kinds() {
			for _, second := range engine.Kinds() {
				r := p.Run
				for i, kind := range []string{first, second, first} {
					e, err := engine.UnmarshalEvent(kind, events[kind])
					if err != nil {
						t.Fatal(err)
					}
					r = engine.Apply(r, engine.Record{Seq: r.Seq + 1, At: at.Add(time.Duration(i) * time.Minute), Event: e})
				}
				if r.Seq != p.Run.Seq+3 {
					t.Fatalf("%s and %s: record %d", first, second, r.Seq)
				}
			}
		}
	}
}

// A plan is compared with what was stored of the one before, so that storing
// must not rewrite it.
func TestStoredJSONStaysAsItIs(t *testing.T) {
	const binding = `{"text":"a < b && c > d"}`
	kind, data, err := engine.MarshalEvent(engine.StepPlanned{Path: "a", Plan: engine.Plan{Binding: json.RawMessage(binding)}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.UnmarshalEvent(kind, data)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(e.(engine.StepPlanned).Plan.Binding); got != binding {
		t.Errorf("got %s, want %s", got, binding)
	}
}
