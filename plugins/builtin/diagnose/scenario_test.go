package diagnose

import (
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// began is when the trouble of every scenario began; it is looked at a second
// later unless a scenario says otherwise.
var began = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)

func scalar(v any) capability.Scalar {
	s, err := capability.ScalarOf(v)
	if err != nil {
		return capability.Scalar{}
	}
	return s
}

// healthy is the service of the notes: 310 requests per second that hold a
// connection for 110 ms each, five replicas of ten connections.
func healthy() capability.DiagnoseInput {
	window := func(from, to time.Time) capability.Window {
		return capability.Window{
			From: from, To: to, Samples: 20, Requests: 310,
			OfferedRPS: new(310.0), FirstAttemptsRPS: new(310.0), ReleasesRPS: new(310.0), ConnectsRPS: new(0.0), ErrorRate: new(0.0),
			HoldS: new(0.110), QueryS: new(0.073), AcquireP99S: new(0.004),
			Acquired: new(34), Max: new(50), Waiting: new(0), Timeouts: new(0),
		}
	}
	now := began.Add(time.Second)
	observed := capability.Observed{ObservedAt: now, Resource: "test"}
	pool := &capability.PoolOutput{
		Observed: observed,
		Now:      window(began, now),
		Baseline: new(window(began.Add(-time.Minute), began.Add(-time.Second))),
	}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		pool.Replicas = append(pool.Replicas, capability.PoolReplica{Name: name, Max: 10, Acquired: 7, Idle: 3, Waiting: new(0)})
	}
	return capability.DiagnoseInput{
		Pool: pool,
		Database: &capability.ConnectionsOutput{
			Observed: observed,
			Limits:   capability.Limits{Max: 60, Superuser: 3},
			Used:     51, Free: 6,
			States: []capability.SessionState{
				{State: inTransaction, Count: 21, OldestS: 0.06, P50S: 0.02},
				{State: activeSession, Count: 18, OldestS: 0.09, P50S: 0.03},
				{State: idleSession, Count: 11, OldestS: 0.4, P50S: 0.05},
			},
			Clients:   []capability.Client{{User: "app", Application: "api", Address: "10.0.0.1", Count: 50}},
			StartedAt: began.Add(-48 * time.Hour),
			Connect:   capability.Connect{OK: true, MS: 8},
		},
		Changes: &capability.ChangesOutput{Observed: observed, Head: "c4", Changes: decoys()},
	}
}

// decoys are changes that have nothing to do with anything, close to the
// onset.
func decoys() []capability.Change {
	change := func(id, setting string, before, after any, ago time.Duration) capability.Change {
		return capability.Change{
			ID: id, Setting: setting, Before: scalar(before), After: scalar(after), At: began.Add(-ago),
			Author: "dev", Title: "tune " + setting, Revision: id,
		}
	}
	return []capability.Change{
		change("c4", "log.level", "info", "debug", time.Second),
		change("c3", "cache.pool.max", 50, 20, 3*time.Second),
		change("c2", "http.timeout_ms", 3000, 2000, 20*time.Second),
		change("c1", "db.pool.min", 10, 5, time.Minute),
	}
}

// scenario changes what is healthy.
type scenario func(*capability.DiagnoseInput)

func made(changes ...scenario) capability.DiagnoseInput {
	in := healthy()
	for _, change := range changes {
		change(&in)
	}
	return in
}

// queueing fills the pool and makes requests wait.
func queueing(in *capability.DiagnoseInput) {
	now := &in.Pool.Now
	in.Pool.Onset = new(began)
	now.Acquired, now.Waiting, now.AcquireP99S = new(*now.Max), new(120), new(0.8)
	for i := range in.Pool.Replicas {
		r := &in.Pool.Replicas[i]
		r.Acquired, r.Idle, r.Waiting = r.Max, 0, new(24)
	}
}

// poolLowered is INC-2024-0715: the pools go from 50 to 20.
func poolLowered(in *capability.DiagnoseInput) {
	in.Pool.Now.Max = new(20)
	for i := range in.Pool.Replicas {
		in.Pool.Replicas[i].Max = 4
	}
	queueing(in)
	in.Pool.Now.ReleasesRPS = new(182.0)
	in.Database.Used, in.Database.Free = 21, 36
	in.Database.States = []capability.SessionState{
		{State: inTransaction, Count: 15, OldestS: 0.05, P50S: 0.02},
		{State: activeSession, Count: 5, OldestS: 0.08, P50S: 0.03},
	}
	in.Database.Clients[0].Count = 20
}

// culprit adds the commit that lowered the pools.
func culprit(in *capability.DiagnoseInput) {
	in.Changes.Changes = append([]capability.Change{{
		ID: "c5:db.pool.max", Setting: "db.pool.max", Before: scalar(50), After: scalar(20), At: began.Add(-time.Second),
		Author: "dev", Title: "Save connections", Revision: "c5",
	}}, in.Changes.Changes...)
}

// poolDecoy lowers a pool-like setting that the service does not run.
func poolDecoy(in *capability.DiagnoseInput) {
	in.Changes.Changes = append([]capability.Change{{
		ID: "c6", Setting: "db.pool.max", Before: scalar(50), After: scalar(20), At: began.Add(-time.Second),
		Author: "dev", Title: "Not rolled out yet", Revision: "c6",
	}}, in.Changes.Changes...)
}

func noBaseline(in *capability.DiagnoseInput) { in.Pool.Baseline, in.Pool.Onset = nil, nil }
func noPool(in *capability.DiagnoseInput)     { in.Pool = nil }
func noDatabase(in *capability.DiagnoseInput) { in.Database = nil }
func noChanges(in *capability.DiagnoseInput)  { in.Changes = nil }

func spike(in *capability.DiagnoseInput) {
	queueing(in)
	in.Pool.Now.OfferedRPS, in.Pool.Now.FirstAttemptsRPS, in.Pool.Now.ReleasesRPS = new(900.0), new(900.0), new(450.0)
	in.Database.States = []capability.SessionState{
		{State: activeSession, Count: 26, OldestS: 0.09, P50S: 0.04},
		{State: inTransaction, Count: 24, OldestS: 0.06, P50S: 0.02},
	}
}

// retries multiply attempts, as they do some time after any other cause.
func retries(in *capability.DiagnoseInput) {
	in.Pool.Now.OfferedRPS, in.Pool.Now.Timeouts, in.Pool.Now.ErrorRate = new(900.0), new(400), new(0.6)
}

// slow is a dropped index, some time later.
func slow(in *capability.DiagnoseInput) {
	queueing(in)
	in.Pool.Now.HoldS, in.Pool.Now.QueryS, in.Pool.Now.ReleasesRPS = new(0.884), new(0.845), new(56.0)
	in.Database.States = []capability.SessionState{
		{State: activeSession, Count: 47, OldestS: 1.1, P50S: 0.45},
		{State: inTransaction, Count: 3, OldestS: 1.2, P50S: 0.6},
	}
	in.Database.Waits = []capability.Wait{{Type: "IO", Event: "DataFileRead", Count: 12}}
}

// slowEarly is the same a second after: nothing slow has finished yet.
func slowEarly(in *capability.DiagnoseInput) {
	slow(in)
	in.Pool.Now.HoldS, in.Pool.Now.QueryS, in.Pool.Now.ReleasesRPS = new(0.125), new(0.085), new(90.0)
}

func leak(in *capability.DiagnoseInput) {
	queueing(in)
	in.Pool.Now.ReleasesRPS = new(25.0)
	in.Database.States = []capability.SessionState{
		{State: idleSession, Count: 46, OldestS: 7.5, P50S: 3.9, Frozen: 38},
		{State: inTransaction, Count: 4, OldestS: 0.05, P50S: 0.02},
	}
}

func leftOpen(in *capability.DiagnoseInput) {
	queueing(in)
	in.Pool.Now.ReleasesRPS = new(10.0)
	in.Database.States = []capability.SessionState{{State: inTransaction, Count: 50, OldestS: 7.2, P50S: 3.6, Frozen: 44}}
}

// halfOpen is a network that went silent: all stopped at one instant.
func halfOpen(in *capability.DiagnoseInput) {
	queueing(in)
	in.Pool.Now.ReleasesRPS, in.Pool.Now.HoldS, in.Pool.Now.QueryS = new(0.0), nil, nil
	in.Database.States = []capability.SessionState{
		{State: inTransaction, Count: 33, OldestS: 6.1, P50S: 6.05, Frozen: 33},
		{State: idleSession, Count: 17, OldestS: 6.1, P50S: 6.04, Frozen: 17},
	}
}

// externalCall holds connections while somebody else is called.
func externalCall(in *capability.DiagnoseInput) {
	queueing(in)
	in.Pool.Now.HoldS, in.Pool.Now.ReleasesRPS = new(0.928), new(54.0)
	in.Database.States = []capability.SessionState{
		{State: idleSession, Count: 24, OldestS: 0.82, P50S: 0.4},
		{State: inTransaction, Count: 18, OldestS: 0.85, P50S: 0.4},
		{State: activeSession, Count: 8, OldestS: 0.08, P50S: 0.03},
	}
}

func convoy(in *capability.DiagnoseInput) {
	queueing(in)
	in.Pool.Now.ReleasesRPS = new(3.0)
	in.Database.States = []capability.SessionState{{State: activeSession, Count: 51, OldestS: 3, P50S: 1.6, Frozen: 12}, {State: inTransaction, Count: 1, OldestS: 4, P50S: 4, Frozen: 1}}
	in.Database.Waits = []capability.Wait{{Type: "Lock", Event: "relation", Count: 51}}
	in.Database.Blocking = []capability.Blocking{
		{Pid: 100, BackendStart: began.Add(-time.Hour), State: inTransaction, Kind: "read", Query: "select * from orders", XactAgeS: new(4.0), Blocks: 51},
		{Pid: 101, BackendStart: began.Add(-time.Minute), State: activeSession, Kind: "ddl", Query: "alter table orders add c int", XactAgeS: new(3.0), Blocks: 50, BlockedBy: []int{100}},
		{Pid: 102, BackendStart: began.Add(-time.Hour), State: activeSession, Kind: "read", Query: "select 1 from orders", XactAgeS: new(1.0), BlockedBy: []int{101}},
	}
}

func prepared(in *capability.DiagnoseInput) {
	convoy(in)
	in.Database.Blocking = []capability.Blocking{{Pid: 102, State: activeSession, Kind: "write", Query: "update t set n = ?", BlockedBy: []int{0}}}
	in.Database.Prepared = []capability.PreparedXact{{GID: "order-7", Owner: "app", AgeS: 12}}
}

// maxLowered is max_connections 60 -> 25 by a restart seconds ago.
func maxLowered(in *capability.DiagnoseInput) {
	in.Pool.Onset = new(began)
	in.Pool.Now.Acquired, in.Pool.Now.Waiting, in.Pool.Now.AcquireP99S, in.Pool.Now.ConnectsRPS = new(21), new(80), new(0.9), new(120.0)
	in.Pool.Now.ReleasesRPS = new(190.0)
	starved(in)
	in.Database.Limits.Max, in.Database.Used, in.Database.Free = 25, 22, 0
	in.Database.Clients[0].Count = 21
	in.Database.StartedAt = began.Add(-3 * time.Second)
	in.Database.Connect = capability.Connect{SQLState: tooManyConnections, Text: "remaining connection slots are reserved for non-replication superuser connections", MS: 7}
	in.Database.States = []capability.SessionState{{State: activeSession, Count: 10, OldestS: .08, P50S: .03}, {State: inTransaction, Count: 11, OldestS: .05, P50S: .02}}
}

// tooManyReplicas exhausts the slots of a server whose limit is what it was.
func tooManyReplicas(in *capability.DiagnoseInput) {
	maxLowered(in)
	in.Pool.Now.Max, in.Pool.Now.Acquired = new(120), new(55)
	for i := range in.Pool.Replicas {
		in.Pool.Replicas[i].Max, in.Pool.Replicas[i].Acquired = 24, 11
	}
	in.Database.Limits.Max, in.Database.Used = 60, 57
	in.Database.Clients[0].Count = 56
	in.Database.StartedAt = began.Add(-48 * time.Hour)
}

func roleLimit(in *capability.DiagnoseInput) {
	maxLowered(in)
	in.Database.Connect.Text = `too many connections for database "appdb"`
	in.Database.Limits.Max, in.Database.Free = 60, 30
	in.Database.StartedAt = began.Add(-48 * time.Hour)
}

func noisyNeighbour(in *capability.DiagnoseInput) {
	maxLowered(in)
	in.Database.Limits.Max, in.Database.Used = 60, 57
	in.Database.StartedAt = began.Add(-48 * time.Hour)
	in.Database.Clients = []capability.Client{{User: "export", Application: "batch", Count: 40}, {User: "app", Application: "api", Count: 16}}
}

// starved leaves the pools nothing at rest.
func starved(in *capability.DiagnoseInput) {
	for i := range in.Pool.Replicas {
		r := &in.Pool.Replicas[i]
		r.Acquired, r.Idle = *in.Pool.Now.Acquired/5, 0
	}
}

// roleLimitUnsaid is a limit of the service's role that our own login does not
// meet.
func roleLimitUnsaid(in *capability.DiagnoseInput) {
	roleLimit(in)
	in.Database.Connect = capability.Connect{OK: true, MS: 8}
	in.Database.Limits.Role, in.Database.Used = new(21), 23
}

// littleSaid is a dialect that knows sizes and waits, and neither hold times,
// queries nor who repeats what.
func littleSaid(in *capability.DiagnoseInput) {
	for _, w := range []*capability.Window{&in.Pool.Now, in.Pool.Baseline} {
		w.HoldS, w.QueryS, w.FirstAttemptsRPS, w.Waiting, w.Timeouts = nil, nil, nil, nil, nil
	}
}

// busy is eight tenths of the pools, and many transactions, each short.
func busy(in *capability.DiagnoseInput) {
	in.Pool.Now.Acquired, in.Pool.Now.Waiting = new(40), new(1)
	in.Database.States = []capability.SessionState{
		{State: inTransaction, Count: 30, OldestS: 0.09, P50S: 0.03},
		{State: activeSession, Count: 16, OldestS: 0.08, P50S: 0.02},
		{State: idleSession, Count: 4, OldestS: 0.3, P50S: 0.05},
	}
}

// batch is another program that holds many slots and leaves enough.
func batch(in *capability.DiagnoseInput) {
	busy(in)
	in.Database.Limits.Max, in.Database.Used, in.Database.Free = 120, 91, 26
	in.Database.Clients = append(in.Database.Clients, capability.Client{User: "batch", Application: "export", Count: 40})
	in.Database.States[1] = capability.SessionState{State: activeSession, Count: 56, OldestS: 40, P50S: 12, Frozen: 40}
}

func momentsQueue(in *capability.DiagnoseInput) {
	in.Pool.Now.Max, in.Pool.Baseline.Max, in.Pool.Now.Acquired, in.Pool.Now.Waiting = new(8), new(8), new(8), new(4)
	in.Pool.Replicas = in.Pool.Replicas[:1]
	in.Pool.Now.ReleasesRPS = new(70.0)
}

// atRest is a service at night: its connections were opened at one instant,
// and rest.
func atRest(in *capability.DiagnoseInput) {
	in.Pool.Now.Acquired, in.Pool.Now.ReleasesRPS, in.Pool.Now.OfferedRPS, in.Pool.Now.FirstAttemptsRPS = new(0), new(0.0), new(0.0), new(0.0)
	in.Pool.Now.HoldS, in.Pool.Now.QueryS = nil, nil
	in.Database.States = []capability.SessionState{{State: idleSession, Count: 50, OldestS: 900, P50S: 899.99, Frozen: 50}}
}

// orphaned is a network that went silent a while ago: the service has new
// connections, and the server still the old ones.
func orphaned(in *capability.DiagnoseInput) {
	halfOpen(in)
	in.Pool.Now.Acquired, in.Pool.Now.ReleasesRPS = new(6), new(50.0)
	starved(in)
	in.Database.Used, in.Database.Free, in.Database.Clients[0].Count = 57, 0, 56
	in.Database.Connect = capability.Connect{SQLState: tooManyConnections, Text: "sorry, too many clients already"}
	in.Database.States = append(in.Database.States, capability.SessionState{State: activeSession, Count: 6, OldestS: 0.05, P50S: 0.02})
}

// externalEarly is the same a moment after it began: nothing that is held long
// has finished yet.
func externalEarly(in *capability.DiagnoseInput) {
	queueing(in)
	in.Pool.Onset = new(began.Add(400 * time.Millisecond))
	in.Pool.Now.HoldS, in.Pool.Now.ReleasesRPS = new(0.11), new(60.0)
	in.Database.States = []capability.SessionState{
		{State: idleSession, Count: 26, OldestS: 0.7, P50S: 0.4},
		{State: inTransaction, Count: 20, OldestS: 0.7, P50S: 0.3},
		{State: activeSession, Count: 4, OldestS: 0.08, P50S: 0.03},
	}
}

func preparedOnly(in *capability.DiagnoseInput) {
	in.Database.Prepared = []capability.PreparedXact{{GID: "order-7", Owner: "app", AgeS: 12}}
}

// vacuum puts an autovacuum against wraparound at the head of a convoy.
func vacuum(in *capability.DiagnoseInput) {
	root := &in.Database.Blocking[0]
	root.Kind, root.State, root.Query = "autovacuum", activeSession, "autovacuum: VACUUM public.orders (to prevent wraparound)"
}

// storm opens a connection for every request, past the pools.
func storm(in *capability.DiagnoseInput) {
	in.Pool.Onset = new(began)
	in.Pool.Now.Acquired, in.Pool.Now.ConnectsRPS, in.Pool.Now.ReleasesRPS = new(0), new(282.0), new(36.0)
	in.Pool.Now.Waiting, in.Pool.Now.ErrorRate = new(534), new(0.88)
	starved(in)
	in.Database.Used, in.Database.Free, in.Database.Clients[0].Count = 57, 0, 53
	in.Database.Connect = capability.Connect{SQLState: tooManyConnections, Text: "remaining connection slots are reserved for non-replication superuser connections"}
	in.Database.States = []capability.SessionState{{State: idleSession, Count: 50, OldestS: 0.1, P50S: 0.03}, {State: inTransaction, Count: 3, OldestS: 0.1, P50S: 0.05}}
}

func slowAuth(in *capability.DiagnoseInput) {
	in.Pool.Onset = new(began)
	in.Pool.Now.Acquired, in.Pool.Now.Waiting, in.Pool.Now.AcquireP99S, in.Pool.Now.ConnectsRPS = new(36), new(400), new(1.2), new(7.0)
	in.Pool.Now.ReleasesRPS = new(260.0)
	for i := range in.Pool.Replicas {
		r := &in.Pool.Replicas[i]
		r.Acquired, r.Idle, r.Constructing = 7, 0, 3
	}
	in.Database.Used, in.Database.Free = 37, 20
	in.Database.Clients[0].Count = 36
	in.Database.States = []capability.SessionState{{State: activeSession, Count: 20, OldestS: .08, P50S: .03}, {State: inTransaction, Count: 16, OldestS: .05, P50S: .02}}
	in.Database.Connect = capability.Connect{Text: "no connection within 1.5s", MS: 1500}
}

// someLeak is a leak of some requests, while the others go on, told a while
// after it was taken to have begun.
func someLeak(in *capability.DiagnoseInput) {
	queueing(in)
	in.Pool.Onset = new(began.Add(-4 * time.Second))
	in.Pool.Now.ReleasesRPS, in.Pool.Now.HoldS = new(180.0), new(0.111)
	in.Database.States = []capability.SessionState{
		{State: idleSession, Count: 28, OldestS: 2.3, P50S: 1.6, Frozen: 6},
		{State: activeSession, Count: 14, OldestS: 0.09, P50S: 0.03},
		{State: inTransaction, Count: 8, OldestS: 0.06, P50S: 0.02},
	}
}

// heldAtRest is a call elsewhere after the commit, a moment after it began to
// take long: nobody is in a transaction.
func heldAtRest(in *capability.DiagnoseInput) {
	queueing(in)
	in.Pool.Onset = new(began.Add(200 * time.Millisecond))
	in.Pool.Now.ReleasesRPS, in.Pool.Now.HoldS = new(200.0), new(0.111)
	in.Database.States = []capability.SessionState{{State: idleSession, Count: 50, OldestS: 0.74, P50S: 0.7}}
}

// someReplicas are full of transactions that were left open, and the others
// not yet.
func someReplicas(in *capability.DiagnoseInput) {
	in.Pool.Onset = new(began.Add(-2 * time.Second))
	in.Pool.Now.Acquired, in.Pool.Now.Waiting, in.Pool.Now.AcquireP99S = new(38), new(30), new(0.7)
	for i := range in.Pool.Replicas {
		r := &in.Pool.Replicas[i]
		r.Acquired, r.Idle = 6, 4
		if i < 2 {
			r.Acquired, r.Idle = 10, 0
		}
	}
	in.Database.States = []capability.SessionState{
		{State: inTransaction, Count: 20, OldestS: 2.7, P50S: 1.2, Frozen: 5},
		{State: activeSession, Count: 18, OldestS: 0.09, P50S: 0.03},
		{State: idleSession, Count: 12, OldestS: 0.3, P50S: 0.05},
	}
}

// readOnlyAlone is a server that takes no writes any more, with sessions that
// go on to try.
func readOnlyAlone(in *capability.DiagnoseInput) {
	in.Database.ReadOnly = true
	in.Database.States = []capability.SessionState{{State: activeSession, Count: 40, OldestS: 0.04, P50S: 0.02}, {State: idleSession, Count: 10, OldestS: 0.1, P50S: 0.05}}
	in.Database.Now.RollbacksRPS = 250
}

// ledAway is a service whose address leads to another server now, while we
// still read the one of before: none of its sessions are there.
func ledAway(in *capability.DiagnoseInput) {
	queueing(in)
	in.Pool.Now.ErrorRate, in.Pool.Now.ReleasesRPS = new(1.0), new(310.0)
	in.Database.States, in.Database.Clients = nil, nil
	in.Database.Used, in.Database.Free = 1, 56
	in.Database.Now.Sessions = new(0)
}

// starvedServer is a server that wants CPU: all that it is asked takes long,
// and opening a connection, too, though no more is read than before.
func starvedServer(in *capability.DiagnoseInput) {
	queueing(in)
	in.Pool.Now.HoldS, in.Pool.Now.QueryS, in.Pool.Now.ReleasesRPS = new(0.7), new(0.2), new(65.0)
	in.Pool.Now.QueriesRPS, in.Pool.Baseline.QueriesRPS, in.Pool.Baseline.QueryS = new(195.0), new(930.0), new(0.02)
	in.Database.Connect.MS, in.Database.Connect.UsualMS = 120, new(6.0)
	in.Database.Now.RowsPerCommit, in.Database.Baseline.RowsPerCommit = new(900.0), new(1000.0)
	in.Database.States = []capability.SessionState{
		{State: activeSession, Count: 26, OldestS: 0.9, P50S: 0.4},
		{State: inTransaction, Count: 24, OldestS: 0.9, P50S: 0.5},
	}
}

// slowToConnect is a fresh connection that takes so many milliseconds.
func slowToConnect(ms float64) scenario {
	return func(in *capability.DiagnoseInput) { in.Database.Connect.MS = ms }
}

func noFiles(in *capability.DiagnoseInput) {
	in.Pool.Onset = new(began)
	in.Pool.Now.Acquired, in.Pool.Now.ErrorRate, in.Pool.Now.ConnectsRPS = new(30), new(0.28), new(96.0)
	in.Pool.Now.ReleasesRPS = new(230.0)
	starved(in)
	in.Database.Used, in.Database.Free, in.Database.Clients[0].Count = 31, 26, 30
	in.Database.States = []capability.SessionState{{State: activeSession, Count: 16, OldestS: .08, P50S: .03}, {State: inTransaction, Count: 14, OldestS: .05, P50S: .02}}
}

func restarting(in *capability.DiagnoseInput) {
	in.Pool.Onset = new(began)
	in.Pool.Now.Acquired, in.Pool.Now.Waiting, in.Pool.Now.ErrorRate, in.Pool.Now.ConnectsRPS = new(0), new(120), new(0.9), new(150.0)
	in.Pool.Now.ReleasesRPS = new(0.0)
	starved(in)
	in.Database.Used, in.Database.Free, in.Database.Clients, in.Database.States = 1, 56, nil, nil
	in.Database.StartedAt = began.Add(-time.Second)
	in.Database.Connect = capability.Connect{SQLState: "57P03", Text: "the database system is starting up", MS: 3}
}

// readOnly is a service that was led to a standby: what writes fails at once.
func readOnly(in *capability.DiagnoseInput) {
	in.Pool.Onset = new(began)
	in.Pool.Now.ErrorRate, in.Pool.Now.Acquired = new(0.7), new(12)
	for i := range in.Pool.Replicas {
		in.Pool.Replicas[i].Acquired, in.Pool.Replicas[i].Idle = 2, 8
	}
	in.Database.ReadOnly, in.Database.Recovery = true, true
}

// behindPooler puts a pooler between service and server.
func behindPooler(in *capability.DiagnoseInput) {
	in.Pooler = &capability.PoolerOutput{
		Observed: in.Pool.Observed, Limits: capability.PoolerLimits{Mode: "transaction", MaxClients: 200, PoolSize: 40},
		Used: 50, Free: 150, Servers: 34,
		Pools:    []capability.PoolerPool{{Database: "appdb", User: "app", Mode: "transaction", Size: 40, Active: 50, ServersActive: 30, ServersIdle: 4}},
		Now:      &capability.PoolerTraffic{TransactionsRPS: 310, QueriesRPS: 900, TransactionS: new(0.110), QueryS: new(0.07), WaitS: new(0.0)},
		Baseline: &capability.PoolerTraffic{TransactionsRPS: 310, QueriesRPS: 900, TransactionS: new(0.105), QueryS: new(0.07), WaitS: new(0.0)},
	}
	in.Database.Used, in.Database.Free, in.Database.Clients[0].Count = 35, 22, 34
}

func poolerFull(in *capability.DiagnoseInput) {
	p := &in.Pooler.Pools[0]
	p.Active, p.Waiting, p.MaxWaitS, p.ServersActive, p.ServersIdle = 40, 10, 0.8, 40, 0
}

// poolerSmall is a pool of the pooler that goes from 40 to 8.
func poolerSmall(in *capability.DiagnoseInput) {
	queueing(in)
	in.Pool.Now.HoldS, in.Pool.Now.QueryS, in.Pool.Now.ReleasesRPS = new(0.774), new(0.736), new(65.0)
	p := &in.Pooler.Pools[0]
	p.Size, p.Active, p.Waiting, p.MaxWaitS, p.ServersActive, p.ServersIdle = 8, 8, 42, 0.7, 8, 0
	in.Pooler.Limits.PoolSize, in.Pooler.Servers = 8, 8
	in.Pooler.Now.WaitS = new(0.6)
	in.Database.Used, in.Database.Free, in.Database.Clients[0].Count = 9, 48, 8
	in.Database.States = []capability.SessionState{{State: activeSession, Count: 4, OldestS: 0.07, P50S: 0.03}, {State: inTransaction, Count: 4, OldestS: 0.05, P50S: 0.02}}
}

func slowOnServer(in *capability.DiagnoseInput) {
	in.Pooler.Now.TransactionS, in.Pooler.Now.QueryS = new(0.88), new(0.84)
	in.Database.Clients[0].Count = 40
}

func poolerRefuses(in *capability.DiagnoseInput) {
	in.Pool.Onset = new(began)
	in.Pool.Now.Acquired, in.Pool.Now.ErrorRate, in.Pool.Now.ConnectsRPS = new(13), new(0.69), new(234.0)
	in.Pool.Now.ReleasesRPS = new(118.0)
	starved(in)
	in.Pooler.Limits.MaxClients, in.Pooler.Used, in.Pooler.Free = 15, 15, 0
	p := &in.Pooler.Pools[0]
	p.Active, p.ServersActive, p.ServersIdle = 15, 13, 27
	in.Database.States = []capability.SessionState{{State: idleSession, Count: 27, OldestS: 6, P50S: 3, Frozen: 25}, {State: inTransaction, Count: 7, OldestS: 0.06, P50S: 0.02}, {State: activeSession, Count: 6, OldestS: 0.06, P50S: 0.02}}
}
