package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
)

// A plugin that keeps ending is started again later and later, and nobody
// waits for it; it serves as soon as it can.
func TestCrashLoop(t *testing.T) {
	needed := filepath.Join(t.TempDir(), "needed")
	spec := builtin("moody")
	spec.Args = []string{"plugin", "moody", needed}
	h := started(t, Config{Specs: []Spec{spec}})
	c := Call{ID: "1", Action: "moody.echo", Input: []byte(`{}`)}
	o := h.Run(inTime(t), c, nil) // waits while there is hope
	wantFailure(t, o, plugins.Unavailable, plugins.None)
	for _, want := range []string{"cannot be kept running", "exit status 3", "no such file"} {
		if !strings.Contains(o.Failure.Reason, want) {
			t.Errorf("reason %q does not say %q", o.Failure.Reason, want)
		}
	}
	if s := h.Status()[0]; s.State != CrashLoop || s.Restarts != crashLoop || s.PID != "" {
		t.Errorf("status %+v; want a crash loop after %d lives", s, crashLoop)
	}
	if err := os.WriteFile(needed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it serves again", func() bool { return h.Status()[0].State == Ready })
	if o := h.Run(inTime(t), c, nil); o.Failure != nil {
		t.Error(o.Failure)
	}
}
