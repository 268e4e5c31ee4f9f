package drills

import (
	"strings"
	"testing"
)

func TestEveryShippedScenarioIsGood(t *testing.T) {
	names := Names()
	if len(names) == 0 {
		t.Fatal("none is shipped")
	}
	for _, name := range names {
		if _, err := Shipped(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := Shipped("inc-1999-0101"); err == nil || !strings.Contains(err.Error(), "inc-2024-0715") {
		t.Errorf("an unknown name is told which there are: %v", err)
	}
}

func TestParseIsStrict(t *testing.T) {
	const file = "inc-2024-0715.yaml"
	good, err := library.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, changed, want string }{
		"unknown key":       {"runbook:", "runbok: x\nrunbook:", "runbok"},
		"missing":           {"runbook: connection-exhaustion", "", "runbook"},
		"other name":        {"name: inc-2024-0715", "name: other", "name"},
		"too fast people":   {"thinks_for: 2s", "thinks_for: 1s", "2s"},
		"too few decoys":    {"decoys: 3", "decoys: 2", "decoys"},
		"raises the pool":   {"to: 20", "to: 60", "break.to"},
		"unknown setting":   {"setting: db.pool.max", "setting: db.pool.min", "setting"},
		"no duration":       {"limit: 1s", "limit: soon", "soon"},
		"unknown timing":    {"name: alert_to_cause", "name: alert_to_lunch", "alert_to_lunch"},
		"second document":   {"drill: v1", "drill: v1\n---\ndrill: v1", "document"},
		"duplicate key":     {"title:", "title: x\ntitle:", "already defined"},
		"other version":     {"drill: v1", "drill: v2", "v2"},
		"what is unhealthy": {"p99: 500ms", "p99: 0s", "healthy"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(string(good), c.old, c.changed, 1)
			if text == string(good) {
				t.Fatal("the test changes nothing")
			}
			if _, err := Parse(file, []byte(text)); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("got %v, want %q said of %s", err, c.want, file)
			}
		})
	}
}
