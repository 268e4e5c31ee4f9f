package engine_test

import (
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
)

// TestOtherPlan holds that a plan is named by what people are shown of its
// digest, and that another one is told what differs.
func TestOtherPlan(t *testing.T) {
	q := engine.Question{Digest: "sha256:5f0c2a91d3be77aa", Changed: []string{"max 20 -> 50, was 20 -> 40"}}
	if q.Plan() != "5f0c2a91d3be" {
		t.Errorf("shown as %s", q.Plan())
	}
	for named, want := range map[string]string{
		q.Plan():                  "",
		q.Digest:                  "",
		"5F0C2A91":                "",
		"5f0c2a9":                 "named by 8 characters",
		"":                        "named by 8 characters",
		"5f0c2a91d3be77aa00":      "is not what would be done now",
		"sha256:0000000000000000": "plan 000000000000 is not what would be done now, which is plan 5f0c2a91d3be; since it was last asked: max 20 -> 50, was 20 -> 40",
	} {
		if got := q.OtherPlan(named); got != want && (want == "" || !strings.Contains(got, want)) {
			t.Errorf("%q: %q, want %q", named, got, want)
		}
	}
}
