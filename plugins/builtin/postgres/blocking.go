package postgres

import (
	"cmp"
	"slices"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// blocking returns the sessions that block or are blocked: those in front
// first, and among them those with most behind them.
func (f facts) blocking() []capability.Blocking {
	behind := map[int][]int{}
	involved := map[int]bool{}
	for pid, by := range f.blockedBy {
		for _, front := range by {
			behind[front] = append(behind[front], pid)
			involved[front] = true
		}
		if len(by) > 0 {
			involved[pid] = true
		}
	}
	var out []capability.Blocking
	for _, s := range f.sessions {
		if !involved[s.pid] {
			continue
		}
		by := slices.Clone(f.blockedBy[s.pid])
		slices.Sort(by)
		out = append(out, capability.Blocking{
			Pid:          s.pid,
			BackendStart: s.backendStart.UTC(),
			State:        s.state,
			Kind:         kindOf(s.backendType, s.query),
			Query:        withoutLiterals(s.query),
			XactAgeS:     s.xactAge,
			Blocks:       reach(behind, s.pid),
			BlockedBy:    slices.Compact(by),
			User:         s.user,
			Application:  s.application,
			Address:      s.address,
		})
	}
	slices.SortFunc(out, func(a, b capability.Blocking) int {
		return cmp.Or(cmp.Compare(min(len(a.BlockedBy), 1), min(len(b.BlockedBy), 1)), b.Blocks-a.Blocks, a.Pid-b.Pid)
	})
	return out
}

// reach counts the sessions behind pid, directly or not.
func reach(behind map[int][]int, pid int) int {
	seen := map[int]bool{pid: true}
	for queue := []int{pid}; len(queue) > 0; queue = queue[1:] {
		for _, next := range behind[queue[0]] {
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return len(seen) - 1
}
