package host

import (
	"context"
	"strings"
	"testing"
)

// TestTraceCrossesTheBoundary calls a real child within a span, and outside of
// any: it knows which.
func TestTraceCrossesTheBoundary(t *testing.T) {
	const span = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	h := demoHost(t)
	for want, ctx := range map[string]context.Context{`"within":"` + span + `"`: WithTrace(inTime(t), span), `"within":""`: inTime(t)} {
		if o := h.Run(ctx, call("t", "trace"), nil); o.Failure != nil || !strings.Contains(string(o.Outputs), want) {
			t.Errorf("%s, %v: not %s", o.Outputs, o.Failure, want)
		}
	}
}
