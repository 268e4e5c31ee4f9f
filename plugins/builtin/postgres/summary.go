package postgres

import (
	"cmp"
	"maps"
	"slices"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// hiddenState stands for the state of a session that our login may not see.
const hiddenState = "hidden (the login needs pg_monitor)"

const idleInTransaction = "idle in transaction"

// summary sums the facts up; no list is longer than rows. Resource and Connect
// are left to the caller.
func (f facts) summary(rows int) capability.ConnectionsOutput {
	used := 1 // the session that read, which leaves itself out
	for _, s := range f.sessions {
		if s.isClient() {
			used++
		}
	}
	clients := f.clients()
	out := capability.ConnectionsOutput{
		Observed:      capability.Observed{ObservedAt: f.now.UTC()},
		Limits:        f.limits(clients),
		Used:          used,
		States:        f.states(),
		Clients:       head(clients, rows),
		Waits:         head(f.waits(), rows),
		Blocking:      head(f.blocking(), rows),
		Prepared:      head(f.prepared, rows),
		StartedAt:     f.startedAt.UTC(),
		RowsPerCommit: f.rowsPerCommit,
	}
	out.Free = max(0, out.Limits.Max-out.Limits.Reserved-out.Limits.Superuser-used)
	return out
}

func (s sessionRow) isClient() bool { return s.backendType == "client backend" }

// isApplication says whether the session is the bound database's own, and not
// one of ours.
func (s sessionRow) isApplication(database string) bool {
	return s.isClient() && s.database == database && s.application != applicationName
}

func (f facts) limits(clients []capability.Client) capability.Limits {
	l := capability.Limits{
		Max:       f.settings["max_connections"].value,
		Reserved:  f.settings["reserved_connections"].value,
		Superuser: f.settings["superuser_reserved_connections"].value,
	}
	for _, s := range f.settings {
		l.PendingRestart = l.PendingRestart || s.pendingRestart
	}
	if f.databaseLimit >= 0 {
		l.Database = &f.databaseLimit
	}
	if len(clients) > 0 {
		if limit, ok := f.roleLimits[clients[0].User]; ok {
			l.Role = &limit
		}
	}
	return l
}

func (f facts) states() []capability.SessionState {
	ages := map[string][]float64{}
	frozen := map[string]int{}
	for _, s := range f.sessions {
		if !s.isApplication(f.database) {
			continue
		}
		state := cmp.Or(s.state, hiddenState)
		age := s.stateAge
		if state == idleInTransaction && s.xactAge != nil {
			age = *s.xactAge // a new statement now and then makes it no younger
		}
		ages[state] = append(ages[state], age)
		if s.stateAge > capability.FrozenAfter.Seconds() {
			frozen[state]++
		}
	}
	var out []capability.SessionState
	for _, state := range slices.Sorted(maps.Keys(ages)) {
		a := slices.Sorted(slices.Values(ages[state]))
		out = append(out, capability.SessionState{
			State: state, Count: len(a), OldestS: a[len(a)-1], P50S: a[len(a)/2], Frozen: frozen[state],
		})
	}
	slices.SortStableFunc(out, func(a, b capability.SessionState) int { return b.Count - a.Count })
	return out
}

func (f facts) clients() []capability.Client {
	counts := map[capability.Client]int{}
	for _, s := range f.sessions {
		if s.isClient() {
			counts[capability.Client{User: s.user, Application: s.application, Address: s.address}]++
		}
	}
	var out []capability.Client
	for c, n := range counts {
		c.Count = n
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b capability.Client) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.User, b.User), cmp.Compare(a.Application, b.Application), cmp.Compare(a.Address, b.Address))
	})
	return out
}

func (f facts) waits() []capability.Wait {
	counts := map[capability.Wait]int{}
	for _, s := range f.sessions {
		if s.isApplication(f.database) && s.state == "active" && s.waitEventType != "" {
			counts[capability.Wait{Type: s.waitEventType, Event: s.waitEvent}]++
		}
	}
	var out []capability.Wait
	for w, n := range counts {
		w.Count = n
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b capability.Wait) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Type, b.Type), cmp.Compare(a.Event, b.Event))
	})
	return out
}

func head[T any](list []T, rows int) []T { return list[:min(len(list), max(rows, 0))] }
