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
	in.Database.Limits.Max, in.Database.Used = 60, 57
	in.Database.Clients[0].Count = 56
	in.Database.StartedAt = began.Add(-48 * time.Hour)
}

func roleLimit(in *capability.DiagnoseInput) {
	maxLowered(in)
	in.Database.Connect.Text = `too many connections for database "appdb"`
	in.Database.Limits.Max, in.Database.Free = 60, 30
}

func noisyNeighbour(in *capability.DiagnoseInput) {
	maxLowered(in)
	in.Database.Limits.Max, in.Database.Used = 60, 57
	in.Database.StartedAt = began.Add(-48 * time.Hour)
	in.Database.Clients = []capability.Client{{User: "export", Application: "batch", Count: 40}, {User: "app", Application: "api", Count: 16}}
}
