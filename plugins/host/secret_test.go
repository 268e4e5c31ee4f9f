package host

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
)

const (
	readDSN  = "postgres://reader:hunter2hunter2@db/api"
	adminDSN = "postgres://admin:correct-horse@db/api"
)

func storeSection(t *testing.T) Section {
	t.Helper()
	file := filepath.Join(t.TempDir(), "dsn")
	if err := os.WriteFile(file, []byte(adminDSN+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_READ_DSN", readDSN)
	config, err := json.Marshal(map[string]any{
		"read":   map[string]string{"secret": "env:TEST_READ_DSN"},
		"mutate": map[string]string{"secret": "file:" + file},
	})
	if err != nil {
		t.Fatal(err)
	}
	return Section{Service: "api", Capability: "store", Plugin: "demo", Config: config}
}

// A secret that is changed while the plugin runs is what the next call has; one
// that cannot be read just then is what it was.
func TestSecretChanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	config, err := json.Marshal(map[string]any{"mutate": map[string]string{"secret": "file:" + file}})
	if err != nil {
		t.Fatal(err)
	}
	set := func(secret string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set("one") // too short to be hidden
	h := started(t, Config{Specs: []Spec{builtin("demo")}, Sections: []Section{{Plugin: "demo", Config: config}}})
	has := func(secret string) {
		t.Helper()
		plan, err := h.Plan(inTime(t), call("p", "config"))
		if want := `config is {"mutate":"` + secret + `"}`; err != nil || plan.Detail != want {
			t.Errorf("%s, %v; want %s", plan.Detail, err, want)
		}
	}
	has("one")
	set("two")
	has("two")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	has("two")
	set("six")
	has("six")
}

func TestSecretsStayHidden(t *testing.T) {
	var logged syncBuffer
	section := storeSection(t)
	section = Section{Plugin: "demo", Config: section.Config}
	h := started(t, Config{
		Specs: []Spec{builtin("demo")}, Sections: []Section{section},
		Log: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	sink := newRecorder()
	o := h.Run(inTime(t), call("o", "config"), sink)
	wantFailure(t, o, plugins.Invalid, plugins.All)
	if o.Outputs != nil || string(o.Receipt) != `{"was":1}` {
		t.Errorf("outputs %s, receipt %s; want none, and the receipt kept", o.Outputs, o.Receipt)
	}
	o = h.Run(inTime(t), call("r", "receipt"), nil)
	wantFailure(t, o, plugins.Invalid, plugins.All)
	if o.Receipt != nil {
		t.Error("a receipt with a secret was kept")
	}
	if _, err := h.Plan(inTime(t), call("p", "config")); err == nil || !strings.Contains(err.Error(), "secret") {
		t.Errorf("a plan with a secret in its binding: %v", err)
	}
	plan, err := h.Plan(inTime(t), call("p", "soft"))
	if err != nil {
		t.Fatal(err)
	}
	if o := h.Run(inTime(t), call("print", "print"), nil); o.Failure != nil {
		t.Fatal(o.Failure)
	}
	reports := sink.all()
	if len(reports) != 2 {
		t.Fatalf("%d reports, want 2", len(reports))
	}
	eventually(t, "what the plugin prints is logged", func() bool {
		return strings.Contains(logged.String(), "printed on standard output") && strings.Contains(logged.String(), "printed on standard error")
	})
	said := strings.Join(append(reports, plan.Detail, logged.String()), "\n")
	for _, secret := range []string{readDSN, adminDSN, "hunter2hunter2", "correct-horse"} {
		if strings.Contains(said, secret) {
			t.Errorf("the secret %s was said:\n%s", secret, said)
		}
	}
}

// A plugin may print the secret of another that nothing has been asked of yet.
func TestSecretOfAnotherStaysHidden(t *testing.T) {
	h := started(t, Config{Specs: []Spec{builtin("demo")}, Sections: []Section{storeSection(t)}})
	c := call("e", "echo")
	c.Input = json.RawMessage(`{"text":"` + adminDSN + `"}`)
	wantFailure(t, h.Run(inTime(t), c, nil), plugins.Invalid, plugins.None)
}

func TestEscapedSecretsStayHidden(t *testing.T) {
	const secret = `p&ss "w<rd" \ 100%/é`
	m := &masks{}
	m.add(secret)
	quoted, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{
		secret, string(quoted), fmt.Sprintf("%q", secret), fmt.Sprintf("%+v", struct{ s string }{secret}),
		"http://x/?token=" + url.QueryEscape(secret), "http://x/" + url.PathEscape(secret) + "/y",
	} {
		if got := m.text(said); !strings.Contains(got, mask) || strings.Contains(got, "w") {
			t.Errorf("%s was said as %s", said, got)
		}
	}
}

func TestWhatATerminalWouldObeyIsShown(t *testing.T) {
	m := &masks{}
	m.add("s3cret!!")
	said := "+max: 20\x1b[1A\x1b[2K\r s3cret!!\u202e\u009b2J\tcafé\n"
	if got, want := m.text(said), `+max: 20\x1b[1A\x1b[2K\r [secret]\u202e\u009b2J`+"\tcafé\n"; got != want {
		t.Errorf("it is shown as %q, want %q", got, want)
	}
}

func TestReadAccessNeverSeesTheMutateCredential(t *testing.T) {
	section := storeSection(t)
	raw, found, err := ResolveSecrets(section.Config, plugins.Read)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"read":"` + readDSN + `"}`; string(raw) != want || len(found) != 1 {
		t.Errorf("config %s with %d secrets, want %s", raw, len(found), want)
	}
	raw, _, err = ResolveSecrets(section.Config, plugins.Mutate)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"mutate":"` + adminDSN + `","read":"` + readDSN + `"}`; string(raw) != want {
		t.Errorf("config %s, want %s", raw, want)
	}
}

// A plugin that only says that it reads is not given what changes things, in
// its section, its environment or its arguments; nor can it insist.
func TestReadIsNotGivenTheMutateCredential(t *testing.T) {
	vault, insistent := storeSection(t), storeSection(t)
	vault.Plugin = "vault"
	insistent.Plugin, insistent.Service = "insistent", "other"
	h := started(t, Config{
		Specs: []Spec{builtin("vault"), builtin("insistent")}, Sections: []Section{vault, insistent},
		Contracts: []plugins.Action{{Name: "store.look", Effect: plugins.Read}, {Name: "store.set", Effect: plugins.Mutate}},
	})
	for action, want := range map[string]string{
		"store.look": `{"access":"read","admin":false,"reader":true}`,
		"store.set":  `{"access":"mutate","admin":true,"reader":true}`,
	} {
		o := h.Run(inTime(t), Call{ID: action, Service: "api", Action: action}, nil)
		if o.Failure != nil || string(o.Outputs) != want {
			t.Errorf("%s found %s (%v), want %s", action, o.Outputs, o.Failure, want)
		}
	}

	o := h.Run(inTime(t), Call{ID: "i", Service: "other", Action: "store.look"}, nil)
	wantFailure(t, o, plugins.Invalid, plugins.None)
	if !strings.Contains(o.Failure.Reason, `missing properties: ["mutate"]`) {
		t.Errorf("reason %q does not name the key", o.Failure.Reason)
	}
}

func TestUnusableSectionIsRefusedByKey(t *testing.T) {
	tests := []struct{ name, config, want string }{
		{"unset", `{"read":{"secret":"env:TEST_NOT_SET"}}`, "read: the secret env:TEST_NOT_SET is not set"},
		{"missing file", `{"read":{"secret":"file:/no/such/file"}}`, "read: reading a secret: stat /no/such/file"},
		{"directory", `{"read":{"secret":"file:/"}}`, "not a regular file"},
		{"nested", `{"at":[{"secret":"nonsense"}]}`, `at[0]: a secret is "env:NAME"`},
		{"unknown key", `{"reed":"x"}`, `unknown key "reed"; known keys: at, mutate, read`},
		{"wrong type", `{"at":"x"}`, "at"},
		{"the plugin's word", `{"read":"refuse me"}`, "read: it asks to be refused"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := started(t, Config{
				Specs:    []Spec{builtin("demo")},
				Sections: []Section{{Service: "api", Capability: "store", Plugin: "demo", Config: json.RawMessage(test.config)}},
			})
			_, err := h.Identity(inTime(t), BindingKey{Service: "api", Capability: "store", Access: plugins.Read})
			f := plugins.AsFailure(err)
			if f == nil || f.Class != plugins.Invalid || !strings.Contains(f.Reason, test.want) || !strings.Contains(f.Reason, "service api, store") {
				t.Errorf("error %v; want class invalid, naming the section and %q", err, test.want)
			}
			if status := h.Status()[0]; !strings.Contains(status.Error, test.want) {
				t.Errorf("the status says %q; want what is wrong with the section", status.Error)
			}
		})
	}
}

// TestMissingSecretIsSaidWithoutThePlugin holds that what is missing here is said
// of a plugin, too, that does not start.
func TestMissingSecretIsSaidWithoutThePlugin(t *testing.T) {
	h := started(t, Config{
		Specs:    []Spec{builtin("mute")},
		Sections: []Section{{Service: "api", Capability: "store", Plugin: "mute", Config: json.RawMessage(`{"read":{"secret":"env:TEST_NOT_SET"}}`)}},
	})
	_, err := h.Identity(inTime(t), BindingKey{Service: "api", Capability: "store", Access: plugins.Read})
	if f := plugins.AsFailure(err); f == nil || f.Class != plugins.Invalid || !strings.Contains(f.Reason, "env:TEST_NOT_SET is not set") {
		t.Errorf("it says %v", err)
	}
}

func TestHealth(t *testing.T) {
	h := started(t, Config{Specs: []Spec{builtin("demo")}, Sections: []Section{
		{Service: "well", Capability: "store", Plugin: "demo"}, {Service: "sick", Capability: "store", Plugin: "demo"},
	}})
	if err := h.Health(inTime(t), BindingKey{Service: "well", Capability: "store", Access: plugins.Read}); err != nil {
		t.Error(err)
	}
	err := h.Health(inTime(t), BindingKey{Service: "sick", Capability: "store", Access: plugins.Read})
	if err == nil || !strings.Contains(err.Error(), "service sick, store: it is sick") {
		t.Errorf("error %v", err)
	}
}

// syncBuffer is a bytes.Buffer for many writers.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
