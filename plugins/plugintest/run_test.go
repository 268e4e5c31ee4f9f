package plugintest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins/host"
)

func TestMain(m *testing.M) { Main(m, box{fault: os.Args[len(os.Args)-1]}) }

// boxOf tries the plugin box with this fault; "box" is none.
func boxOf(t *testing.T, fault string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "word")
	config, err := json.Marshal(map[string]string{"path": path})
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	spec := Self("box")
	spec.Args = []string{"plugin", fault}
	drift := func(*testing.T) { write("third") }
	switch fault {
	case "undrifted":
		drift = nil
	case "steady":
		drift = func(*testing.T) {}
	}
	Run(t, spec, Cases{
		Sections: []host.Section{{Plugin: "box", Config: config}},
		Refused:  []Refused{{Section: host.Section{Plugin: "box", Config: json.RawMessage(`{}`)}, Key: "path"}},
		Reads: []Read{
			{Action: "box.get", Input: json.RawMessage(`{}`), Check: func(t *testing.T, outputs json.RawMessage) {
				if string(outputs) != `{"word":"first"}` {
					t.Errorf("outputs %s", outputs)
				}
			}},
			{Action: "box.get", Input: json.RawMessage(`[]`), Class: "invalid"},
		},
		Mutations: []Mutation{{
			Action: "box.put", Input: json.RawMessage(`{"word":"second"}`),
			State: func(t *testing.T) string {
				raw, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				return string(raw)
			},
			Drift: drift,
		}},
	})
}

func TestGoodPluginPasses(t *testing.T) { boxOf(t, "box") }

// TestFaulty is run by TestHarnessFindsFaults, in a process of its own.
func TestFaulty(t *testing.T) {
	fault := os.Getenv("PLUGINTEST_FAULT")
	if fault == "" {
		t.Skip("run by TestHarnessFindsFaults")
	}
	boxOf(t, fault)
}

func TestHarnessFindsFaults(t *testing.T) {
	tests := []struct{ fault, rule, want string }{ // the rule that finds it is enough
		{"unstable", "describe", "two processes describe themselves differently"},
		{"careless", "refuse", "it binds; want an error that names path"},
		{"eager", "mutate/plan", "planning changed the target"},
		{"sloppy", "mutate/plan", "the binding is not canonical"},
		{"deaf", "mutate/cancel", "a call that was stopped before it started changed the target"},
		{"blind", "mutate/drift", "want class drift, applied none"},
		{"untried", "covered", "box.burn has no case"},
		{"undrifted", "mutate/nothing", "box.put does not say that it has no precondition"},
		{"steady", "mutate/drift", "the target did not drift"},
		{"posing", "mutate/plan", "box.put has no precondition, which people are told, and yet"},
		{"forgetful", "mutate/run", `running and undoing it changed the target from "first" to "nothing"`},
	}
	for _, test := range tests {
		t.Run(test.fault, func(t *testing.T) {
			cmd := exec.Command("/proc/self/exe", "-test.run=^TestFaulty$/"+test.rule)
			cmd.Env = append(os.Environ(), "PLUGINTEST_FAULT="+test.fault)
			cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), test.want) {
				t.Errorf("the harness ended with %v and did not say %q:\n%s", err, test.want, out)
			}
		})
	}
}
