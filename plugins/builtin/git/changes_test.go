package git

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func TestChanges(t *testing.T) {
	eachKind(t, func(t *testing.T, r *repo) {
		begin := r.git(r.work, "rev-parse", "HEAD")
		tune := r.commit("Tune\n\nmore", map[string]string{"api/pool.yaml": "# new layout\ndb: {pool: {max: 20, min: 5}}\ncache: {ttl: 60s}\nextra: [true]\n"})
		r.commit("Decoy", map[string]string{"README": "other\n"})
		r.commit("Only a comment", map[string]string{"api/pool.yaml": "db: {pool: {max: 20, min: 5}}\ncache: {ttl: 60s}\nextra: [true]\n"})
		broken := r.commit("Broken", map[string]string{"api/pool.yaml": "db: {pool\n"})
		fixed := r.commit("Fixed", map[string]string{"api/pool.yaml": "db: {pool: {max: 20, min: 6}}\ncache: {ttl: 60s}\n"})

		for _, tt := range []struct {
			name  string
			input map[string]any
			want  []string
		}{
			{"all", map[string]any{}, []string{
				fixed[:8] + " Fixed db.pool.min 5->6", fixed[:8] + " Fixed extra.0 true->null",
				tune[:8] + " Tune cache.ttl 30s->60s", tune[:8] + " Tune db.pool.max 50->20", tune[:8] + " Tune extra.0 null->true",
				begin[:8] + " Begin cache.ttl null->30s", begin[:8] + " Begin db.pool.max null->50", begin[:8] + " Begin db.pool.min null->5",
			}},
			{"one setting", map[string]any{"setting": "db.pool.max"}, []string{tune[:8] + " Tune db.pool.max 50->20", begin[:8] + " Begin db.pool.max null->50"}},
			{"limit", map[string]any{"limit": 1}, []string{fixed[:8] + " Fixed db.pool.min 5->6"}},
			{"nothing since", map[string]any{"since": "0s"}, nil},
		} {
			s := &stream{}
			out := r.bind().Run(t.Context(), call(t, "settings.changes", tt.input), s)
			if out.Failure != nil {
				t.Fatal(out.Failure)
			}
			list := decode[capability.ChangesOutput](t, out.Outputs)
			if list.Head != fixed {
				t.Errorf("head %s", list.Head)
			}
			var got []string
			for _, c := range list.Changes {
				got = append(got, fmt.Sprintf("%s %s %s %s->%s", c.Revision[:8], c.Title, c.Setting, c.Before, c.After))
				if c.Author != "Ann" || time.Since(c.At) > time.Hour || c.ID != c.Revision+":"+c.Setting {
					t.Errorf("row %+v", c)
				}
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("%s: got\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			if tt.name == "all" && (len(s.logs) != 1 || !strings.Contains(s.logs[0], broken)) {
				t.Errorf("logs %q", s.logs)
			}
		}
	})
}

func TestChangesOfAMergeCountOnce(t *testing.T) {
	r := newRepo(t, false)
	r.git(r.dir, "checkout", "-q", "-b", "topic")
	r.setMaxOn("topic", 50, 30, "first try")
	r.setMaxOn("topic", 30, 20, "second try")
	r.git(r.dir, "checkout", "-q", "main")
	r.git(r.dir, "merge", "-q", "--no-ff", "-m", "Merge topic", "topic")
	out := run(t, r.bind(), call(t, "settings.changes", map[string]any{"setting": "db.pool.max", "limit": 1}))
	got := decode[capability.ChangesOutput](t, out.Outputs).Changes
	if len(got) != 1 || got[0].Title != "Merge topic" || got[0].Before.String() != "50" || got[0].After.String() != "20" {
		t.Errorf("got %+v", got)
	}
}

func (r *repo) setMaxOn(branch string, from, to int, title string) {
	r.t.Helper()
	was := r.git(r.dir, "show", branch+":api/pool.yaml") + "\n"
	r.commit(title, map[string]string{"api/pool.yaml": strings.Replace(was, fmt.Sprintf("max: %d", from), fmt.Sprintf("max: %d", to), 1)})
}

func TestChangesOfAShallowClone(t *testing.T) {
	r := newRepo(t, true)
	r.setMax(50, 20, "Tune")
	shallow := *r
	shallow.dir = r.dir + ".shallow"
	r.git(r.work, "clone", "-q", "--depth", "1", "--bare", "file://"+r.dir, shallow.dir)
	out := run(t, shallow.bind(), call(t, "settings.changes", map[string]any{}))
	if got := decode[capability.ChangesOutput](t, out.Outputs).Changes; out.Failure != nil || len(got) != 0 {
		t.Errorf("got %+v, %v; the clone knows of no change", got, out.Failure)
	}
}
