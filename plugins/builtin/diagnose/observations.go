package diagnose

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// What several causes look at. Each names what a person runs to see the same.

const (
	sessionsSQL = "select state, count(*), max(now() - state_change) as oldest from pg_stat_activity where backend_type = 'client backend' group by state"
	slotsSQL    = "select usename, application_name, count(*) from pg_stat_activity where backend_type = 'client backend' group by 1, 2 order by 3 desc; show max_connections"
	locksSQL    = "select wait_event, count(*) from pg_stat_activity where wait_event_type = 'Lock' group by 1"
	startedSQL  = "select pg_postmaster_start_time(); select name, setting, pending_restart from pg_settings where name = 'max_connections'"
	activeSQL   = "select pid, now() - query_start as age, wait_event_type, left(query, 80) from pg_stat_activity where state = 'active' order by age desc"
)

func (v *view) poolAt() *time.Time {
	if v.in.Pool == nil {
		return nil
	}
	return &v.in.Pool.ObservedAt
}

func (v *view) databaseAt() *time.Time {
	if v.in.Database == nil {
		return nil
	}
	return &v.in.Database.ObservedAt
}

func (v *view) poolerAt() *time.Time {
	if v.in.Pooler == nil {
		return nil
	}
	return &v.in.Pooler.ObservedAt
}

// poolUsed is that the pool is used up and requests wait.
func (v *view) poolUsed() observation {
	return observation{
		source: metrics, query: "metrics.pool: now.acquired, now.max, now.waiting, now.acquire_s", at: v.poolAt(),
		observed: fmt.Sprintf("%.0f of %.0f connections in use, %s", v.now.acquired, v.now.max, v.queueWords()),
		expected: "connections left, and nobody waits",
	}
}

// queueWords are how many requests wait, or for how long, as far as it is said.
func (v *view) queueWords() string {
	switch {
	case finite(v.now.waiting):
		return fmt.Sprintf("%.0f requests wait", v.now.waiting)
	case finite(v.now.acquire):
		return fmt.Sprintf("who waits does so for %s", seconds(v.now.acquire))
	default:
		return "how many requests wait is not said"
	}
}

// notOpening is that the pool is short of connections it may have.
func (v *view) notOpening() observation {
	return observation{
		source: metrics, query: "metrics.pool: now.acquired, now.max, replicas.idle, replicas.constructing, now.connects_rps", at: v.poolAt(),
		observed: fmt.Sprintf("%.0f of %.0f connections in use, %.0f at rest, and yet requests wait or fail: no more can be opened", v.now.acquired, v.now.max, zeroIfNaN(v.idle)),
		expected: "a pool that grows to its size before requests wait",
	}
}

// unexplained is that connections are in use for which no finished work accounts.
func (v *view) unexplained() observation {
	o := observation{
		source: metrics, query: "metrics.pool: now.acquired, now.releases_rps, now.hold_s", at: v.poolAt(),
		observed: fmt.Sprintf("%.0f connections in use, finished work explains %.1f", v.now.acquired, zeroIfNaN(v.now.releases*v.now.hold)),
		expected: "the two alike",
	}
	if usual := v.before.usualHold(); math.IsNaN(v.now.hold) && v.now.releases > 0 && finite(usual) {
		o.observed = fmt.Sprintf("%.0f connections in use; finished work, held as long as before, explains %.1f", v.now.acquired, v.now.releases*usual)
	}
	return o
}

// agesWords say how long sessions have been in their state, as far as it is said.
func agesWords(s capability.SessionState) string {
	switch {
	case finite(s.P50S):
		return "half of them for less than " + seconds(s.P50S)
	case finite(s.OldestS):
		return "the oldest for " + seconds(s.OldestS)
	default:
		return "for how long is not said"
	}
}

// agedWords say in brackets how long sessions have been in their state, where it
// is said.
func agedWords(s capability.SessionState) string {
	switch {
	case finite(s.P50S):
		return fmt.Sprintf(" (half for more than %s, the oldest %s)", seconds(s.P50S), seconds(s.OldestS))
	case finite(s.OldestS):
		return fmt.Sprintf(" (the oldest for %s)", seconds(s.OldestS))
	default:
		return ""
	}
}

// quietFor is for how long sessions that went quiet at one instant have been so.
func (v *view) quietFor() string {
	return seconds(math.Max(zeroIfNaN(v.resting.OldestS), zeroIfNaN(v.inTx.OldestS)))
}

// explainedWords say how much of what is in use finished work accounts for.
func (v *view) explainedWords() string {
	if explained := v.now.releases * v.now.hold; finite(explained) {
		return fmt.Sprintf("finished work explains %.1f of the %.0f connections in use", math.Min(explained, v.now.acquired), v.now.acquired)
	}
	if !finite(v.now.little()) {
		return fmt.Sprintf("%.0f are in use, and how long is not said", v.now.acquired)
	}
	return fmt.Sprintf("by what comes back a connection is held for %s, and was for %s", seconds(v.now.little()), seconds(v.before.usualHold()))
}

// firstAttempts are the requests that are no retry, beside those of before.
func (v *view) firstAttempts() observation {
	return observation{
		source: metrics, query: "metrics.pool: baseline.first_attempts_rps, now.first_attempts_rps", at: v.poolAt(),
		observed: fmt.Sprintf("first attempts %s, were %s", rate(v.now.first), rate(v.before.first)), expected: "as before",
	}
}

// times are query and hold times beside those of before.
func (v *view) times() observation {
	return observation{
		source: metrics, query: "metrics.pool: query_s and hold_s, now and baseline", at: v.poolAt(),
		observed: fmt.Sprintf("query %s, was %s; hold %s, was %s", seconds(v.now.query), seconds(v.before.query), seconds(v.holdNow()), seconds(v.before.usualHold())),
		expected: "both as before",
	}
}

// slots are the server's slots and how a fresh connection fared.
func (v *view) slots() observation {
	d := v.in.Database
	return observation{
		source: database, query: slotsSQL, at: v.databaseAt(),
		observed: fmt.Sprintf("%d of %.0f slots in use; a fresh connection: %s", d.Used, v.usable, connectWords(d.Connect)),
		expected: "slots free",
	}
}

// states are the sessions by state, with their ages.
func (v *view) states(expected string) observation {
	var parts []string
	for _, s := range v.in.Database.States {
		parts = append(parts, fmt.Sprintf("%d %s%s", s.Count, s.State, agedWords(s)))
	}
	if len(parts) == 0 {
		parts = []string{"no sessions"}
	}
	return observation{source: database, query: sessionsSQL, at: v.databaseAt(), observed: strings.Join(parts, ", "), expected: expected}
}

// lockWaits is how many sessions wait for locks.
func (v *view) lockWaits() observation {
	return observation{
		source: database, query: locksSQL, at: v.databaseAt(),
		observed: fmt.Sprintf("%.0f of %.0f sessions wait for locks", v.locked, v.sessions), expected: "less than a fifth",
	}
}

// poolerQueue is who waits at the pooler, and for what.
func (v *view) poolerQueue() observation {
	p := v.pooler.busiest
	o := observation{
		source: pooler, query: "SHOW POOLS", at: v.poolerAt(),
		observed: fmt.Sprintf("%s/%s: %d clients wait, the first for %s; %d of %d server connections in use, %d free", p.Database, p.User, p.Waiting, seconds(p.MaxWaitS), p.ServersActive, v.pooler.size(), p.ServersIdle),
		expected: "nobody waits",
	}
	if v.pooler.waits() {
		o.observed += fmt.Sprintf("; of late a transaction waited %s, and %s before", seconds(number(v.pooler.now.WaitS)), seconds(number(v.pooler.before.WaitS)))
	}
	return o
}

// throughPooler is how many transactions pass through the pooler.
func (v *view) throughPooler() observation {
	return observation{
		source: pooler, query: "SHOW STATS", at: v.poolerAt(),
		observed: fmt.Sprintf("%s transactions, were %s, each for %s, was %s", rate(v.pooler.now.TransactionsRPS), rate(v.pooler.before.TransactionsRPS), seconds(number(v.pooler.now.TransactionS)), seconds(number(v.pooler.before.TransactionS))),
		expected: "as many as before, or fewer where the pooler became smaller",
	}
}

func connectWords(c capability.Connect) string {
	if c.OK && math.IsNaN(c.MS) {
		return "not tried"
	}
	if c.OK && c.UsualMS != nil && c.MS >= 2**c.UsualMS {
		return fmt.Sprintf("ok in %.0f ms, and ours was opened in %.0f ms", c.MS, *c.UsualMS)
	}
	if c.OK {
		return fmt.Sprintf("ok in %.0f ms", c.MS)
	}
	return strings.TrimSpace(c.SQLState + " " + c.Text)
}

// serverHasRoom adds that the server has slots left and its sessions are not
// stuck: the shortage is in front of it.
func (c *claim) serverHasRoom(v *view, weight float64) {
	if !v.database {
		return
	}
	c.weigh(v.in.Database.Free > 0 && v.locked < 0.2*v.sessions+1, weight, weight, observation{
		source: database, query: slotsSQL, at: v.databaseAt(),
		observed: fmt.Sprintf("%d of %.0f slots free, %.0f sessions wait for locks", v.in.Database.Free, v.usable, v.locked),
		expected: "slots free and no locks: the server is not what is short",
	})
}
