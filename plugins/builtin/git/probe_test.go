package git

import (
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func TestProbe(t *testing.T) {
	for _, tt := range []struct {
		name string
		then func(r *repo, b plugins.Bound, c plugins.Call)
		want plugins.Applied
	}{
		{"never arrived", func(*repo, plugins.Bound, plugins.Call) {}, plugins.None},
		{"happened", func(r *repo, b plugins.Bound, c plugins.Call) { applied(r.t, run(r.t, b, c)) }, plugins.All},
		{"happened, and was changed since", func(r *repo, b plugins.Bound, c plugins.Call) {
			applied(r.t, run(r.t, b, c))
			if r.bare {
				r.git(r.work, "pull", "-q", "--rebase", "origin", "main")
			}
			r.setMax(60, 70, "Later")
		}, plugins.All},
		{"somebody else did the same", func(r *repo, b plugins.Bound, c plugins.Call) { r.setMax(50, 60, "By hand") }, plugins.None},
		{"in a history that was rewritten", func(r *repo, b plugins.Bound, c plugins.Call) {
			r.setMax(50, 60, "By hand")
			r.git(r.work, "reset", "-q", "--soft", "HEAD~1")
			r.git(r.work, "commit", "-q", "--amend", "-m", "Squashed")
			r.git(r.work, "push", "-q", "--force", "origin", "main")
		}, plugins.Unknown},
		{"somebody else did another thing", func(r *repo, b plugins.Bound, c plugins.Call) { r.setMax(50, 70, "By hand") }, plugins.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t, true)
			b := r.bind()
			c := apply(t, 60)
			plan, err := b.Plan(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			tt.then(r, b, c)
			got := b.Probe(t.Context(), c, plan.Undo)
			if got.Applied != tt.want || got.Reason == "" {
				t.Fatalf("got %+v, want %s", got, tt.want)
			}
			if tt.want != plugins.All {
				return
			}
			if receipt := decode[capability.SettingsReceipt](t, got.Receipt); receipt.Before.String() != "50" || receipt.After.String() != "60" || len(receipt.Revision) != 40 {
				t.Errorf("receipt %+v", receipt)
			}
			if got.Left != fingerprint("db.pool.max", scalar(t, 60)) {
				t.Errorf("left %s", got.Left)
			}
		})
	}
	if got := newRepo(t, true).bind().Probe(t.Context(), apply(t, 60), nil); got.Applied != plugins.Unknown || !strings.Contains(got.Reason, "no receipt") {
		t.Errorf("without the plan's undo: %+v", got)
	}
}
