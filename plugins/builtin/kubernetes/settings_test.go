package kubernetes

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func applyCall(id, setting, value string) plugins.Call {
	return plugins.Call{ID: id, Action: "settings.apply", Input: json.RawMessage(`{"setting": "` + setting + `", "value": ` + value + `}`)}
}

func (p *plane) changes(s *settings, input string) []capability.Change {
	p.Helper()
	out := s.Run(p.Context(), plugins.Call{Action: "settings.changes", Input: json.RawMessage(input)}, &stream{})
	if out.Failure != nil {
		p.Fatal(out.Failure)
	}
	return output[capability.ChangesOutput](p.T, out.Outputs).Changes
}

func (p *plane) data() map[string]string {
	p.Helper()
	var m corev1.ConfigMap
	p.ask("GET", p.at("", "configmaps/api-settings"), "", &m)
	return m.Data
}

// What others did a short time ago is known without having been watched, and
// is rolled back; what others set since then stays.
func TestSettingsOfAConfigMap(t *testing.T) {
	p := startPlane(t)
	p.configMap("api-settings", map[string]string{"db.pool.max": "50", "cache.ttl": "30s", "debug": "false", "version": "1.50"}, nil)
	p.set("db.pool.max", "20", "priya")
	p.set("cache.ttl", "45s", "tomas")
	s := p.settings(nil)
	found := p.changes(s, `{"setting": "db.pool.max"}`)
	if len(found) != 2 || found[0].Before.String() != "50" || found[0].After.Value() != int64(20) || found[0].Author != "priya" || !found[1].Before.IsNull() {
		t.Fatalf("changes are %+v", found)
	}
	call := plugins.Call{ID: "r1", Action: "settings.rollback", Input: json.RawMessage(`{"change": ` + encode(t, found[0]) + `}`), Origin: plugins.Origin{ApprovedBy: []string{"alice", "bob"}}}
	_, out := p.run(s, call)
	p.done(out, plugins.All)
	if d := p.data(); d["db.pool.max"] != "50" || d["cache.ttl"] != "45s" || d["debug"] != "false" || d["version"] != "1.50" {
		t.Errorf("the settings are %v", d)
	}
	// Ours are told as ours, made for those who approved them.
	found = p.changes(s, `{"limit": 1}`)
	if len(found) != 1 || found[0].Author != "firebreak for alice, bob" || found[0].Title != "Roll back db.pool.max to 50 (was 20)" {
		t.Errorf("the newest change is %+v", found)
	}
	if all := p.changes(s, `{}`); len(all) < 7 { // four of the first version, two of others, ours
		t.Errorf("%d changes are known: %+v", len(all), all)
	}
	// A second setting of ours does not take the first away.
	_, out = p.run(s, applyCall("a1", "cache.ttl", `"60s"`))
	p.done(out, plugins.All)
	_, out = p.run(s, applyCall("a2", "new", `1`))
	p.done(out, plugins.All)
	if d := p.data(); d["db.pool.max"] != "50" || d["cache.ttl"] != "60s" || d["new"] != "1" {
		t.Errorf("the settings are %v", d)
	}
	undo := plugins.Call{ID: "u1", Action: "settings.apply", Receipt: out.Receipt}
	p.done(s.Run(t.Context(), undo, &stream{}), plugins.All)
	if d := p.data(); d["db.pool.max"] != "50" || len(d) != 4 {
		t.Errorf("after the undo the settings are %v", d)
	}
	// What is left of the past after the server has forgotten it are our notes.
	notes := notedChanges(p.now(s))
	if len(notes) != 4 || notes[3].Call != "r1" || notes[3].Before.String() != "20" {
		t.Errorf("noted are %+v", notes)
	}
}

func (p *plane) now(s *settings) *corev1.ConfigMap {
	p.Helper()
	at, err := s.current(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	return at
}

// The fingerprint is of one setting: another that changes does no harm, and
// the same one refuses.
func TestSettingsConflict(t *testing.T) {
	p := startPlane(t)
	p.configMap("api-settings", map[string]string{"db.pool.max": "20", "cache.ttl": "30s"}, nil)
	s := p.settings(nil)
	call := applyCall("c1", "db.pool.max", "50")
	plan, err := s.Plan(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	call.Expect = plan.Fingerprint
	p.set("cache.ttl", "45s", "tomas")
	p.done(s.Run(t.Context(), call, &stream{}), plugins.All)

	// Between the read and the write, the object changes: the server refuses
	// the version that was read.
	at := p.now(s)
	p.set("cache.ttl", "50s", "tomas")
	o, err := s.orderOf(applyCall("c2", "db.pool.max", "60"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.apply(t.Context(), at, o, "[]"); plugins.AsFailure(err) == nil || plugins.AsFailure(err).Class != plugins.Conflict {
		t.Errorf("a write over what was not read: %v", err)
	}
	p.set("db.pool.max", "40", "mei")
	call = applyCall("c3", "db.pool.max", "60")
	call.Expect = fingerprint("db.pool.max", scalar(50))
	p.fails(s.Run(t.Context(), call, &stream{}), plugins.Drift, plugins.None, "db.pool.max is 40")
	// Whose work it is, says the note.
	receipt := `{"setting": "db.pool.max", "before": 50, "after": 40, "revision": "x"}`
	if probed := s.Probe(t.Context(), call, json.RawMessage(receipt)); probed.Applied != plugins.None {
		t.Errorf("somebody else's work was taken for ours: %+v", probed)
	}
}

// Where each change is an immutable ConfigMap of its own, the versions that
// the Deployment keeps are the history, and a change is a rollout.
func TestSettingsOfImmutableConfigMaps(t *testing.T) {
	p := startPlane(t)
	immutable := map[string]any{"immutable": true}
	p.configMap("api-settings-1", map[string]string{"db.pool.max": "50", "cache.ttl": "30s"}, immutable)
	p.configMap("api-settings-2", map[string]string{"db.pool.max": "20", "cache.ttl": "30s"}, immutable)
	p.deploy(1, "api:1", withSettings("api-settings-1"))
	p.steady()
	p.change(`{"metadata": {"annotations": {"kubernetes.io/change-cause": "More careful pools"}}, "spec": {"template": {"spec": {"volumes": [{"name": "settings", "configMap": {"name": "api-settings-2"}}]}}}}`)
	p.steady()
	s := p.settings(map[string]any{"deployment": "api"})
	found := p.changes(s, `{}`)
	if len(found) != 1 || found[0].Before.String() != "50" || found[0].After.String() != "20" || found[0].Title != "More careful pools" {
		t.Fatalf("changes are %+v", found)
	}
	_, out := p.run(s, plugins.Call{ID: "i1", Action: "settings.rollback", Input: json.RawMessage(`{"live_within": "1m", "change": ` + encode(t, found[0]) + `}`)})
	p.done(out, plugins.All)
	at := p.now(s)
	if got := output[capability.ApplyOutput](t, out.Outputs); !got.Live || at.Data["db.pool.max"] != "50" || !isImmutable(at) || at.Name == "api-settings-1" {
		t.Errorf("the outputs are %+v, and it runs with %s: %v", got, at.Name, at.Data)
	}
	p.done(s.Run(t.Context(), plugins.Call{ID: "i2", Action: "settings.apply", Receipt: out.Receipt}, &stream{}), plugins.All)
	if at = p.now(s); at.Data["db.pool.max"] != "20" {
		t.Errorf("after the undo it runs with %v", at.Data)
	}
	// What has the name that the next one would have, and holds something else,
	// is not rolled out for it.
	_, out = p.run(s, applyCall("i4", "db.pool.max", "70"))
	p.done(out, plugins.All)
	name := p.now(s).Name
	p.done(s.Run(t.Context(), plugins.Call{ID: "i5", Action: "settings.apply", Receipt: out.Receipt}, &stream{}), plugins.All)
	p.ask("DELETE", p.at("", "configmaps/"+name), "", nil)
	p.configMap(name, map[string]string{"db.pool.max": "7000"}, nil)
	_, out = p.run(s, applyCall("i6", "db.pool.max", "70"))
	p.fails(out, plugins.Conflict, plugins.None, "holds something else")
	if at = p.now(s); at.Data["db.pool.max"] != "20" {
		t.Errorf("it runs with %v", at.Data)
	}
	// Without a Deployment there is nothing to roll it out with.
	alone := p.settings(map[string]any{"configmap": "api-settings-1"})
	if _, err := alone.Plan(t.Context(), applyCall("i3", "db.pool.max", "60")); plugins.AsFailure(err) == nil || plugins.AsFailure(err).Class != plugins.Invalid {
		t.Errorf("an immutable ConfigMap was planned to change: %v", err)
	}
}

func TestTyped(t *testing.T) {
	for text, want := range map[string]any{
		"50": int64(50), "0.5": 0.5, "true": true, "30s": "30s", "012": "012", "1.50": "1.50", "": "", "T": "T", "True": "True", "-1": int64(-1), "1e3": "1e3",
	} {
		got := typed(text)
		if got.Value() != want || got.String() != text {
			t.Errorf("%q is %v (%T), written back %q; want %v", text, got.Value(), got.Value(), got, want)
		}
	}
}

// A setting inside a document: its path is its name, and no other byte of the
// document changes, nor any other key.
func TestSettingsInADocument(t *testing.T) {
	const yaml = "# of the api\ndb:\n  pool:\n    max: 20 # lowered\n    idle: \"5\"\nlevel: info\n"
	p := startPlane(t)
	p.configMap("api-settings", map[string]string{"application.yaml": strings.Replace(yaml, "20", "50", 1), "notes": "db.pool.max"}, nil)
	p.set("application.yaml", yaml, "priya")
	s := p.settings(map[string]any{"key": "application.yaml"})
	found := p.changes(s, `{"setting": "db.pool.max"}`)
	if len(found) != 2 || found[0].Before.Value() != int64(50) || found[0].After.Value() != int64(20) || found[0].Author != "priya" {
		t.Fatalf("changes are %+v", found)
	}
	call := plugins.Call{ID: "r1", Action: "settings.rollback", Input: json.RawMessage(`{"change": ` + encode(t, found[0]) + `}`)}
	plan, out := p.run(s, call)
	p.done(out, plugins.All)
	if !strings.Contains(plan.Detail, "in application.yaml, of which nothing else changes:\n- db.pool.max: 20\n+ db.pool.max: 50\n") {
		t.Errorf("the plan shows\n%s", plan.Detail)
	}
	want := strings.Replace(yaml, "20", "50", 1)
	if d := p.data(); d["application.yaml"] != want || d["notes"] != "db.pool.max" || len(d) != 2 {
		t.Errorf("the ConfigMap holds %q", d)
	}
	if got := s.Probe(t.Context(), call, plan.Undo); got.Applied != plugins.All {
		t.Errorf("a lost call: %+v", got)
	}
	undo := plugins.Call{ID: "u1", Action: "settings.apply", Receipt: out.Receipt}
	p.done(s.Run(t.Context(), undo, &stream{}), plugins.All)
	if d := p.data(); d["application.yaml"] != yaml {
		t.Errorf("after the undo it holds %q", d["application.yaml"])
	}
	_, out = p.run(s, applyCall("a1", "db.pool.idle", `"7"`)) // text stays text
	p.done(out, plugins.All)
	if d := p.data(); d["application.yaml"] != strings.Replace(yaml, `"5"`, `"7"`, 1) {
		t.Errorf("it holds %q", d["application.yaml"])
	}

	// What cannot be read, or written so, is not planned.
	for setting, class := range map[string]string{"db": plugins.Invalid, "db..max": plugins.Invalid, "other.deep": plugins.Invalid} {
		if _, err := s.Plan(t.Context(), applyCall("x", setting, "1")); err == nil || plugins.AsFailure(err).Class != class {
			t.Errorf("%s: %v", setting, err)
		}
	}
	p.set("application.yaml", "a: [", "tomas")
	if _, err := s.Plan(t.Context(), applyCall("x", "level", "1")); err == nil || plugins.AsFailure(err).Class != plugins.Invalid {
		t.Errorf("of a broken document: %v", err)
	}
	if _, err := p.settings(map[string]any{"key": "none"}).Plan(t.Context(), applyCall("x", "level", "1")); err == nil || plugins.AsFailure(err).Class != plugins.NotFound {
		t.Errorf("of a key that is not there: %v", err)
	}
}

// A document of properties is changed as one of YAML is: one value, and no
// other byte.
func TestSettingsInProperties(t *testing.T) {
	const text = "# of the api\ndb.pool.max = 20\ndb.pool.name = caf\\u00e9\ndebug=false\n"
	p := startPlane(t)
	p.configMap("api-settings", map[string]string{"app.properties": strings.Replace(text, "20", "50", 1)}, nil)
	p.set("app.properties", text, "priya")
	s := p.settings(map[string]any{"key": "app.properties"})
	found := p.changes(s, `{"setting": "db.pool.max"}`)
	if len(found) != 2 || found[0].Before.Value() != int64(50) || found[0].After.Value() != int64(20) || found[0].Author != "priya" {
		t.Fatalf("changes are %+v", found)
	}
	call := plugins.Call{ID: "r1", Action: "settings.rollback", Input: json.RawMessage(`{"change": ` + encode(t, found[0]) + `}`)}
	plan, out := p.run(s, call)
	p.done(out, plugins.All)
	if d := p.data(); d["app.properties"] != strings.Replace(text, "20", "50", 1) || len(d) != 1 {
		t.Errorf("the ConfigMap holds %q", d)
	}
	if got := s.Probe(t.Context(), call, plan.Undo); got.Applied != plugins.All {
		t.Errorf("a lost call: %+v", got)
	}
	p.done(s.Run(t.Context(), plugins.Call{ID: "u1", Action: "settings.apply", Receipt: out.Receipt}, &stream{}), plugins.All)
	_, out = p.run(s, applyCall("a1", "new key", `"a b"`))
	p.done(out, plugins.All)
	if d := p.data(); d["app.properties"] != text+"new\\ key=a b\n" {
		t.Errorf("it holds %q", d["app.properties"])
	}
	p.set("app.properties", "a=1\na=2\n", "tomas")
	if _, err := s.Plan(t.Context(), applyCall("x", "a", "3")); err == nil || plugins.AsFailure(err).Class != plugins.Invalid {
		t.Errorf("of a key that stands twice: %v", err)
	}
}
