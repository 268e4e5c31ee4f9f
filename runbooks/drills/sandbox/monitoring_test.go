package sandbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	shipped "github.com/firebreak-ops/firebreak/deploy"
)

// What a drill watches with are the shipped rules, and only their times differ.
func TestRulesOfADrillAreThoseThatAreShipped(t *testing.T) {
	was, is := strings.Split(string(shipped.ServiceAlerts), "\n"), strings.Split(string(quickRules(shipped.ServiceAlerts)), "\n")
	if len(is) != len(was) {
		t.Fatalf("%d lines became %d", len(was), len(is))
	}
	changed := map[string]string{}
	for i := range was {
		if was[i] != is[i] {
			changed[strings.TrimSpace(was[i])] = strings.TrimSpace(is[i])
		}
		if spans.ReplaceAllString(was[i], "") != spans.ReplaceAllString(is[i], "") {
			t.Errorf("%q became %q", was[i], is[i])
		}
	}
	for from, to := range map[string]string{
		"interval: 5s": "interval: 1s", "for: 10s": "for: 1s", "for: 1m": "for: 6s",
		"keep_firing_for: 1m": "keep_firing_for: 6s",
		"sum by (service) (rate(pgxpool_acquire_duration_seconds_sum[30s]))": "sum by (service) (rate(pgxpool_acquire_duration_seconds_sum[3s]))",
	} {
		if changed[from] != to {
			t.Errorf("%q became %q, not %q", from, changed[from], to)
		}
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("promtool is not installed: `make test` installs prometheus")
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(strings.Join(is, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(promtool, "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
