package postgres

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// hiddenState stands for the state of a session that our login may not see.
const hiddenState = "hidden (the login needs pg_monitor)"

const idleInTransaction = "idle in transaction"

// summary sums the facts up; no list is longer than rows. Resource, Connect and
// what takes a past are left to the caller.
func (f facts) summary(rows int) capability.ConnectionsOutput {
	used := 1 // the session that read, which leaves itself out
	for _, s := range f.sessions {
		if s.isClient() {
			used++
		}
	}
	clients := f.clients()
	out := capability.ConnectionsOutput{
		Observed:  capability.Observed{ObservedAt: f.at().UTC()},
		Limits:    f.limits(clients),
		Used:      used,
		States:    f.states(),
		Clients:   head(clients, rows),
		Waits:     head(f.waits(), rows),
		Blocking:  head(f.blocking(), rows),
		Prepared:  head(f.prepared, rows),
		StartedAt: f.startedAt.UTC(),
		Recovery:  f.recovery,
		ReadOnly:  f.recovery || f.readOnly,
		Backends:  f.backends(),
		Running:   head(f.running(), rows),
		XIDAge:    f.xidAge,
		XIDLimit:  f.settings["autovacuum_freeze_max_age"].value,
	}
	out.Free = max(0, out.Limits.Max-out.Limits.Reserved-out.Limits.Superuser-used)
	return out
}

func (s sessionRow) isClient() bool { return s.backendType == "client backend" }

// isApplication says whether the session is the bound database's own, and not
// one of ours.
func (s sessionRow) isApplication(database string) bool {
	return s.isClient() && s.database == database && !isOurs(s.application)
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
			State: state, Count: len(a), OldestS: a[len(a)-1], P50S: a[len(a)/2], YoungestS: a[0], Frozen: frozen[state],
		})
	}
	slices.SortStableFunc(out, func(a, b capability.SessionState) int { return b.Count - a.Count })
	return out
}

func (f facts) clients() []capability.Client {
	counts := map[capability.Client]capability.Client{}
	for _, s := range f.sessions {
		if !s.isClient() {
			continue
		}
		key := capability.Client{User: s.user, Application: s.application, Address: s.address, Database: s.database}
		sum, ok := counts[key]
		if !ok {
			sum = key
			if limit, ok := f.roleLimits[s.user]; ok {
				sum.Limit = &limit
			}
		}
		sum.Count++
		if s.age(f.at()) < capability.YoungFor {
			sum.Young++
		}
		if s.stateAge > capability.FrozenAfter.Seconds() {
			sum.Frozen++
		}
		counts[key] = sum
	}
	out := slices.Collect(maps.Values(counts))
	slices.SortFunc(out, func(a, b capability.Client) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.User, b.User), cmp.Compare(a.Application, b.Application),
			cmp.Compare(a.Address, b.Address), cmp.Compare(a.Database, b.Database))
	})
	return out
}

// age is how long ago the session was opened.
func (s sessionRow) age(now time.Time) time.Duration { return now.Sub(s.backendStart) }

func (f facts) backends() (b capability.Backends) {
	var ages []float64
	for _, s := range f.sessions {
		if !s.isApplication(f.database) {
			continue
		}
		age := s.age(f.at())
		ages = append(ages, max(0, age.Seconds()))
		if age < capability.YoungFor {
			b.Young++
		}
	}
	if len(ages) > 0 {
		slices.Sort(ages)
		b.P50S, b.OldestS = ages[len(ages)/2], ages[len(ages)-1]
	}
	return b
}

// running groups what the application's sessions are at.
func (f facts) running() []capability.Running {
	type statement struct{ kind, query string }
	all := map[statement]capability.Running{}
	for _, s := range f.sessions {
		if !s.isApplication(f.database) || s.state != "active" {
			continue
		}
		key := statement{kindOf(s.backendType, s.query), withoutLiterals(s.query)}
		sum := all[key]
		sum.Kind, sum.Query = key.kind, key.query
		sum.Count++
		sum.OldestS = max(sum.OldestS, s.queryAge)
		all[key] = sum
	}
	out := slices.Collect(maps.Values(all))
	slices.SortFunc(out, func(a, b capability.Running) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(b.OldestS, a.OldestS), cmp.Compare(a.Query, b.Query))
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
