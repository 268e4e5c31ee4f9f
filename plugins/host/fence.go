package host

import (
	"context"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

const fencePoll = 50 * time.Millisecond

// Fence blocks until a call whose outcome was lost is certainly over: it
// returned after all, or its process is gone. What it did may take the
// action's SettlesIn longer to show. When ctx ends first the call may still
// change something, and the error, a *plugins.Failure, says so.
func (h *Host) Fence(ctx context.Context, id string) error {
	p := h.calls.abandoned(id)
	if p == nil {
		return nil
	}
	ticker := time.NewTicker(fencePoll)
	defer ticker.Stop()
	for {
		if running, err := h.soft(ctx, p, id); err == nil && !running {
			h.calls.settle(id)
			return nil
		}
		select {
		case <-p.gone:
			h.calls.settle(id)
			return nil
		case <-ctx.Done():
			return plugins.Fail(plugins.Timeout, "call %s is still running in plugin %s (process %s)", id, p.name, p.pid)
		case <-ticker.C:
		}
	}
}
