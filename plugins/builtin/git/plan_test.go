package git

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
)

// TestDetailIsAPatch lets git itself read what people are shown.
func TestDetailIsAPatch(t *testing.T) {
	for name, src := range map[string]string{
		"long":       poolYAML,
		"one line":   "db: {pool: {max: 50}}\n",
		"no newline": "a: 1\ndb:\n  pool:\n    max: 50",
		"CRLF":       strings.ReplaceAll(poolYAML, "\n", "\r\n"),
		"first line": "db: {pool: {max: 50}}\na: 1\nb: 2\nc: 3\nd: 4\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t, false)
			r.git(r.dir, "config", "core.autocrlf", "false")
			r.commit("Layout", map[string]string{"api/pool.yaml": src, "layout": name})
			plan, err := r.bind().Plan(t.Context(), apply(t, 60))
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("git", "apply", "-")
			cmd.Dir = r.dir
			cmd.Stdin = strings.NewReader(plan.Detail)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s\n%s", err, out, plan.Detail)
			}
			got, err := os.ReadFile(r.dir + "/api/pool.yaml")
			if err != nil || string(got) != strings.Replace(src, "50", "60", 1) {
				t.Errorf("git applied it to\n%q, %v", got, err)
			}
		})
	}
}

func TestPlanChangesNothing(t *testing.T) {
	r := newRepo(t, false)
	before, objects := r.git(r.dir, "for-each-ref"), looseObjects(t, r.dir+"/.git")
	b := r.bind()
	first, err := b.Plan(t.Context(), apply(t, 60))
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.Plan(t.Context(), apply(t, 60))
	if err != nil || string(first.Binding) != string(second.Binding) || first.Fingerprint != second.Fingerprint {
		t.Errorf("two plans differ: %+v, %+v, %v", first, second, err)
	}
	if after := r.git(r.dir, "for-each-ref"); after != before || looseObjects(t, r.dir+"/.git") != objects {
		t.Errorf("the plan wrote something: %s", after)
	}
	if _, err := b.Plan(t.Context(), plugins.Call{Action: "settings.rollback", Receipt: first.Undo}); err == nil || !strings.Contains(err.Error(), "settings.apply") {
		t.Errorf("rollback took a receipt: %v", err)
	}
}
