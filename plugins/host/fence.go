package host

import (
	"context"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

const (
	fencePoll  = 50 * time.Millisecond
	fenceKills = 5 * time.Second // from the kill of a process until it must be gone
)

// Fence blocks until a call whose outcome was lost is certainly over: it
// returned after all, or its process is gone. What it did may take the
// action's SettlesIn longer to show. When ctx ends first the process is
// killed, and what else it was doing is lost with it: a call that went on
// behind a probe's back could be made twice. The error, a *plugins.Failure,
// says that not even that helped, and the call may still change something.
func (h *Host) Fence(ctx context.Context, id string) error {
	p := h.calls.unfinished(id)
	if p == nil {
		return nil
	}
	ticker := time.NewTicker(fencePoll)
	defer ticker.Stop()
	for {
		// A broken connection is no answer: the process may be there yet.
		if running, err := soft(ctx, p, id); err == nil && !running {
			break
		}
		select {
		case <-p.gone:
		case <-ctx.Done():
			if !h.killed(p, id) {
				return plugins.Fail(plugins.Timeout, "call %s may still be running: plugin %s (process %s) does not end, not even killed; end it by hand", id, p.name, p.pid)
			}
		case <-ticker.C:
			continue
		}
		break
	}
	h.calls.settle(id)
	return nil
}

// killed ends the process that a call does not leave, and says whether it is
// gone.
func (h *Host) killed(p *process, id string) bool {
	h.log.Error("a call does not end; its plugin is killed", "plugin", p.name, "pid", p.pid, "call", id)
	p.kill()
	limit := time.NewTimer(fenceKills)
	defer limit.Stop()
	select {
	case <-p.gone:
		return true
	case <-limit.C:
		return false
	}
}
