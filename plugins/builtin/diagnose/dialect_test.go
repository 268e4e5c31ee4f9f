package diagnose

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// What the libraries that services use do not say, and what exporters do.

// hikari is HikariCP through Micrometer: no queries, no retries, and no
// quantiles of summaries.
func hikari(in *capability.DiagnoseInput) {
	for _, w := range []*capability.Window{&in.Pool.Now, in.Pool.Baseline} {
		w.QueryS, w.FirstAttemptsRPS, w.QueriesRPS = nil, nil, nil
		onlyMean(w)
	}
}

// onlyMean is the wait for a connection in the words of who counts waits and
// sums their time up.
func onlyMean(w *capability.Window) {
	w.AcquireS, w.AcquireP99S = new(*w.AcquireP99S/2), nil
}

// goSQL is client_golang's collector of database/sql: sizes and waits only.
func goSQL(in *capability.DiagnoseInput) {
	for _, w := range []*capability.Window{&in.Pool.Now, in.Pool.Baseline} {
		w.HoldS, w.QueryS, w.FirstAttemptsRPS, w.QueriesRPS = nil, nil, nil, nil
		w.Waiting, w.Timeouts, w.ConnectsRPS = nil, nil, nil
		onlyMean(w)
		servedFor(w)
	}
	for i := range in.Pool.Replicas {
		in.Pool.Replicas[i].Waiting, in.Pool.Replicas[i].Constructing = nil, 0
	}
}

// servedFor has the requests that were served stand for the connections that
// were given back.
func servedFor(w *capability.Window) {
	w.Requests = int(*w.ReleasesRPS * w.To.Sub(w.From).Seconds() / math.Max(0.01, 1-*w.ErrorRate))
	w.ReleasesRPS = nil
}

// failedWith are errors that the service counts by class, as OpenTelemetry's
// db.response.status_code and error.type are.
func failedWith(classes ...string) scenario {
	return func(in *capability.DiagnoseInput) {
		in.Pool.Now.ErrorRate = new(0.5)
		for _, c := range classes {
			in.Pool.Now.Errors = append(in.Pool.Now.Errors, capability.ErrorClass{Class: c, Count: 80})
		}
	}
}

// refusedAfter is requests that fail so many seconds after they came, and do not
// wait.
func refusedAfter(s float64) scenario {
	return func(in *capability.DiagnoseInput) {
		in.Pool.Now.ErrorRate, in.Pool.Now.FailedS = new(0.7), &s
		in.Pool.Now.AcquireP99S = new(0.004)
	}
}

// fewest is how few connections there were for a moment.
func fewest(n int) scenario {
	return func(in *capability.DiagnoseInput) { in.Pool.Fewest = &n }
}

// served is for how long requests go on beside waiting, seconds.
func served(before, now float64) scenario {
	return func(in *capability.DiagnoseInput) { in.Pool.Baseline.ServedS, in.Pool.Now.ServedS = &before, &now }
}

// held says how many of the connections in use have run their queries.
func held(n int) scenario {
	return func(in *capability.DiagnoseInput) { in.Pool.HeldDone = &n }
}

// exported has exporters say of the database and the pooler what was read, as
// far as they can: no ages but of transactions, and nobody in front.
func exported(in *capability.DiagnoseInput) {
	d := in.Database
	e := &capability.ExportedDatabase{Up: true, Max: &d.Limits.Max, Superuser: &d.Limits.Superuser, StartedAt: &d.StartedAt, Baseline: d.Baseline, Now: d.Now}
	for _, c := range d.Clients {
		if c.User != "app" {
			e.Sessions = append(e.Sessions, capability.ExportedSessions{Database: "jobs", User: c.User, Application: c.Application, State: activeSession, Count: c.Count, OldestS: new(1.0)})
		}
	}
	locked := 0
	for _, w := range d.Waits {
		if w.Type == "Lock" {
			locked = w.Count
		}
	}
	for _, s := range d.States {
		row := capability.ExportedSessions{Database: "app", User: "app", Application: "api", State: s.State, Count: s.Count, OldestS: new(0.0)}
		if s.State != idleSession {
			row.OldestS = &s.OldestS
		}
		if s.State == activeSession && locked > 0 {
			row.Wait = "Lock"
		}
		e.Sessions = append(e.Sessions, row)
	}
	if d.Limits.Role != nil {
		e.Limits = append(e.Limits, capability.ExportedLimit{Role: "app", Most: *d.Limits.Role})
	}
	in.Pool.Database, in.Database = e, nil
	if in.Pooler == nil {
		return
	}
	p := &capability.ExportedPooler{Up: true, Max: &in.Pooler.Limits.MaxClients, Used: &in.Pooler.Used, Now: in.Pooler.Now, Baseline: in.Pooler.Baseline}
	for _, pool := range in.Pooler.Pools {
		p.Pools = append(p.Pools, capability.ExportedPool{
			Database: pool.Database, User: pool.User, Size: &pool.Size, Waiting: pool.Waiting, OldestS: &pool.MaxWaitS, Active: pool.ServersActive, Idle: pool.ServersIdle,
		})
	}
	in.Pool.Pooler, in.Pooler = p, nil
}

// files is how many files each replica has open, of 1024.
func files(open int) scenario {
	return func(in *capability.DiagnoseInput) {
		for i := range in.Pool.Replicas {
			in.Pool.Replicas[i].FilesOpen, in.Pool.Replicas[i].FilesMax = &open, new(1024)
		}
	}
}

// allWait is sessions of the service that wait, every one, and nobody else.
func allWait(in *capability.DiagnoseInput) {
	in.Pool.Onset, in.Pool.Now.ReleasesRPS = new(began.Add(-time.Second)), new(0.0)
	in.Database.States = []capability.SessionState{{State: activeSession, Count: 50, OldestS: 3, P50S: 1.6}}
	in.Database.Waits[0].Count = 50
}

// waitUnsaid has an exporter that does not say what is waited for.
func waitUnsaid(in *capability.DiagnoseInput) {
	for i := range in.Pool.Database.Sessions {
		in.Pool.Database.Sessions[i].Wait = ""
	}
}

// mostPrepared is how many transactions an exporter says may be prepared.
func mostPrepared(n int) scenario {
	return func(in *capability.DiagnoseInput) { in.Pool.Database.Prepared = &n }
}

// uncounted is a service that counts no requests, and so none that fail.
func uncounted(in *capability.DiagnoseInput) {
	for _, w := range []*capability.Window{&in.Pool.Now, in.Pool.Baseline} {
		w.OfferedRPS, w.FirstAttemptsRPS, w.ErrorRate, w.ConnectsRPS, w.QueryS, w.AcquireP99S = nil, nil, nil, nil, nil, nil
	}
	in.Pool.Onset, in.Pool.Now.Waiting = nil, new(0)
}

// refusedInside is a database that rolls back what it refuses.
func refusedInside(in *capability.DiagnoseInput) { in.Database.Now.RollbacksRPS = 118 }

// lost is a service that has no connection left, of 34, and a server that knows
// of none.
func lost(in *capability.DiagnoseInput) {
	in.Pool.Now.Acquired = new(0)
	starved(in)
	in.Database.States, in.Database.Clients, in.Database.Used, in.Database.Free = nil, nil, 1, 56
}

// exporterOut is an exporter that is not let in.
func exporterOut(in *capability.DiagnoseInput) {
	in.Pool.Database = &capability.ExportedDatabase{}
}

// turnedAway is our own login that is refused, and that nothing else was read.
func turnedAway(state, text string) scenario {
	return func(in *capability.DiagnoseInput) {
		in.Database = &capability.ConnectionsOutput{Unread: true, Connect: capability.Connect{SQLState: state, Text: text, MS: 5}}
	}
}

// pasts gives the server a past, as it was when all was well.
func pasts(commits float64) scenario {
	return func(in *capability.DiagnoseInput) {
		was := healthy().Database
		in.Database.Baseline = &capability.DatabaseTraffic{
			From: began.Add(-600e9), To: began.Add(-10e9), CommitsRPS: 310, SessionsRPS: new(0.1),
			Sessions: new(50), Resting: new(11), Max: &was.Limits.Max,
		}
		in.Database.Now = &capability.DatabaseTraffic{From: began.Add(-1e9), To: began.Add(1e9), CommitsRPS: commits, SessionsRPS: new(0.1), Sessions: new(50), Max: &was.Limits.Max}
	}
}

// full is all the slots of the server, by sessions of the service.
func full(in *capability.DiagnoseInput) {
	tooManyReplicas(in)
	in.Database.States = []capability.SessionState{{State: activeSession, Count: 30, OldestS: .08, P50S: .03}, {State: inTransaction, Count: 26, OldestS: .05, P50S: .02}}
}

func TestDialects(t *testing.T) {
	const (
		small   = capability.AppPoolTooSmall
		unknown = capability.UnknownCause
	)
	for _, c := range []struct {
		name        string
		in          capability.DiagnoseInput
		cause       capability.Cause
		least, most float64
	}{
		// Pools and waits in the words of libraries, all sources at hand.
		{"HikariCP: pool lowered", made(poolLowered, culprit, hikari), small, 0.9, 1},
		{"HikariCP: slow query", made(slow, hikari), capability.SlowQuery, 0.7, 1},
		{"HikariCP: leak", made(leak, hikari), capability.ConnectionLeak, 0.8, 1},
		{"HikariCP: held outside", made(externalCall, hikari), capability.HeldDuringExternalCall, 0.7, 1},
		{"HikariCP: busy", made(busy, hikari), unknown, 0, 0},
		{"database/sql: pool lowered", made(poolLowered, culprit, goSQL), small, 0.8, 1},
		{"database/sql: convoy", made(convoy, goSQL), capability.LockBlocking, 0.9, 1},
		{"database/sql: idle in transaction", made(leftOpen, goSQL), capability.IdleInTransaction, 0.6, 1},
		{"database/sql: busy", made(busy, goSQL), unknown, 0, 0},

		// Metrics alone.
		{"metrics alone: leak", made(leak, held(46), noDatabase, noChanges), capability.ConnectionLeak, 0.5, 0.85},
		{"metrics alone: leak, and a good part goes on", made(someLeak, held(18), noDatabase, noChanges), capability.ConnectionLeak, 0.5, 0.6},
		{"metrics alone: queries that do not end", made(convoy, func(in *capability.DiagnoseInput) { in.Pool.Now.ReleasesRPS = new(0.0) }, noDatabase, noChanges), capability.LockBlocking, 0.5, 0.6},
		{"metrics alone: in the middle of queries is no leak", made(leak, held(3), noDatabase, noChanges), capability.LockBlocking, 0.5, 0.6},
		{"metrics alone: refused, and nobody says by what", made(maxLowered, noDatabase, noChanges), unknown, 0, 0},
		{"metrics alone: refused for want of slots, after it went away", made(maxLowered, failedWith("53300", "57P01"), noDatabase, noChanges), capability.DBMaxConnectionsTooLow, 0.6, 0.85},
		{"metrics alone: refused, with the limit's name", made(roleLimit, failedWith(`53300: too many connections for role "app"`), noDatabase, noChanges), capability.RoleOrDBLimit, 0.7, 0.85},
		{"metrics alone: refused by the pooler", made(behindPooler, poolerRefuses, failedWith("08P01"), noDatabase, noChanges, func(in *capability.DiagnoseInput) { in.Pooler = nil }), capability.PgbouncerMaxClientConn, 0.7, 0.85},
		{"metrics alone: no more files", made(noFiles, failedWith("too many open files"), noDatabase, noChanges), capability.ClientFDOrPortLimit, 0.7, 0.85},
		{"metrics alone: more replicas, refused", made(tooManyReplicas, failedWith("53300"), noDatabase, noChanges), capability.ReplicasTimesPool, 0.7, 0.85},
		{"metrics alone, little said: more replicas, refused", made(tooManyReplicas, littleSaid, failedWith(), noDatabase, noChanges), capability.ReplicasTimesPool, 0.6, 0.85},
		{"metrics alone, little said: refused by the pooler is no spike", made(behindPooler, poolerRefuses, littleSaid, noDatabase, noChanges, func(in *capability.DiagnoseInput) {
			in.Pooler, in.Pool.Now.OfferedRPS = nil, new(320.0)
			for i := range in.Pool.Replicas {
				in.Pool.Replicas[i].Constructing = 8
			}
		}), unknown, 0, 0},
		{"metrics alone: read-only", made(restarting, failedWith("25006"), noDatabase, noChanges), capability.FailoverOrWrongEndpoint, 0.5, 0.85},
		{"metrics alone: opening takes long", made(slowAuth, noDatabase, noChanges, func(in *capability.DiagnoseInput) {
			in.Pool.Now.ConnectS, in.Pool.Baseline.ConnectS = new(2.1), new(0.01)
		}), capability.SlowConnectAuth, 0.5, 0.85},
		{"metrics alone, little said: every connection is gone", made(restarting, littleSaid, noDatabase, noChanges), capability.FailoverOrWrongEndpoint, 0.5, 0.6},
		{"metrics alone: queries take longer, and so does opening", made(slow, noDatabase, noChanges, func(in *capability.DiagnoseInput) {
			in.Pool.Now.ConnectS, in.Pool.Baseline.ConnectS = new(0.3), new(0.01)
		}), capability.ServerOverload, 0.5, 0.6},
		{"metrics alone: opening takes long, and so do queries", made(slow, noDatabase, noChanges, func(in *capability.DiagnoseInput) {
			in.Pool.Now.ConnectS, in.Pool.Baseline.ConnectS = new(0.9), new(0.01)
		}), capability.ServerOverload, 0.5, 0.6},
		{"metrics alone: many are being opened, each for a moment", made(roleLimit, noDatabase, noChanges, func(in *capability.DiagnoseInput) {
			for i := range in.Pool.Replicas {
				in.Pool.Replicas[i].Constructing = 2
			}
		}), unknown, 0, 0},
		{"metrics alone, little said: refused sooner than a server can", made(maxLowered, littleSaid, refusedAfter(0.0004), noDatabase, noChanges), capability.PgbouncerMaxClientConn, 0.5, 0.6},
		{"metrics alone, little said: refused as a server does", made(maxLowered, littleSaid, refusedAfter(0.006), noDatabase, noChanges), unknown, 0, 0},
		{"metrics alone, little said: refused after a moment without connections", made(maxLowered, littleSaid, refusedAfter(0.006), fewest(0), noDatabase, noChanges), capability.DBMaxConnectionsTooLow, 0.5, 0.7},
		{"metrics alone: refused after a moment without connections", made(maxLowered, failedWith("53300"), fewest(0), noDatabase, noChanges), capability.DBMaxConnectionsTooLow, 0.6, 0.8},
		{"metrics alone, little said: leak, by what requests do beside waiting", made(someLeak, littleSaid, served(0.112, 0.113), noDatabase, noChanges), capability.ConnectionLeak, 0.5, 0.6},
		{"metrics alone, little said: leak, where requests do far more than hold a connection", made(someLeak, littleSaid, served(0.9, 0.9), noDatabase, noChanges), capability.SlowQuery, 0.5, 0.5},
		{"metrics alone: leak, and queries are not timed", made(someLeak, hikari, noDatabase, noChanges), capability.ConnectionLeak, 0.5, 0.6},
		{"metrics alone, little said: spike, and waits that grow hide half of a hold", made(spike, littleSaid, served(0.112, 0.05), noDatabase, noChanges), capability.TrafficSpike, 0.5, 0.85},
		{"metrics alone, little said: slow, by what requests do beside waiting", made(slow, littleSaid, served(0.112, 0.87), noDatabase, noChanges), capability.SlowQuery, 0.5, 0.6},
		{"metrics alone, little said: slow, and waits that grow hide most of it", made(slow, littleSaid, served(0.112, 0.25), noDatabase, noChanges), capability.SlowQuery, 0.5, 0.6},
		{"metrics alone: slow, and queries are not timed", made(slow, hikari, noDatabase, noChanges), capability.SlowQuery, 0.5, 0.6},
		{"exporters, little said: the server works and lets transactions wait for longer", made(pasts(65), starvedServer, littleSaid, exported, noChanges), capability.ServerOverload, 0.5, 0.6},
		{"metrics alone: busy", made(busy, noDatabase, noChanges), unknown, 0, 0},
		{"metrics alone: some errors of requests", made(failedWith("22P02"), func(in *capability.DiagnoseInput) { in.Pool.Now.ErrorRate = new(0.01) }, noDatabase, noChanges), unknown, 0, 0},

		{"metrics alone: in the middle of queries that do not end, and most go on as ever", made(someLeak, held(3), noDatabase, noChanges), capability.LockBlocking, 0.5, 0.6},
		{"exporters: the server works and lets transactions wait for longer", made(pasts(65), starvedServer, exported, noChanges), capability.ServerOverload, 0.5, 0.7},
		{"exporters: not refused at once, and so not by one's own machine", made(noFiles, littleSaid, refusedAfter(0.006), exported, noChanges), unknown, 0, 0},
		{"exporters: refused at once", made(noFiles, littleSaid, refusedAfter(0.0003), exported, noChanges), capability.ClientFDOrPortLimit, 0.5, 0.7},

		// The files of a process.
		{"no files left", made(noFiles, files(1023)), capability.ClientFDOrPortLimit, 0.9, 1},
		{"files left, and perhaps no ports", made(noFiles, files(60)), capability.ClientFDOrPortLimit, 0.5, 0.7},
		{"metrics alone: no files left", made(noFiles, files(1023), noDatabase, noChanges), capability.ClientFDOrPortLimit, 0.6, 0.85},
		{"metrics alone, little said: no files left", made(noFiles, files(1020), littleSaid, noDatabase, noChanges), capability.ClientFDOrPortLimit, 0.6, 0.85},
		{"metrics alone: those who wait use the files up", made(slow, files(1023), noDatabase, noChanges), capability.SlowQuery, 0.5, 0.6},

		// A service that counts no requests.
		{"nothing counted: a limit below what there was", made(roleLimitUnsaid, pasts(190), uncounted, noChanges), capability.RoleOrDBLimit, 0.6, 0.85},
		{"nothing counted: the server hears nothing any more", made(noFiles, pasts(2), uncounted, noChanges, lost), capability.ClientFDOrPortLimit, 0.5, 0.85},
		{"nothing counted: at night", made(atRest, pasts(2), uncounted, noChanges), unknown, 0, 0},
		{"nothing counted: it is given connections", made(noFiles, pasts(200), uncounted, noChanges, lost), unknown, 0, 0},

		// A server that lets transactions wait.
		{"left open", made(leftOpen), capability.IdleInTransaction, 0.9, 1},
		{"left open, or let wait: the others take long, too", made(leftOpen, goSQL, func(in *capability.DiagnoseInput) {
			in.Database.States = []capability.SessionState{{State: inTransaction, Count: 30, OldestS: 2.1, P50S: 1.4}, {State: activeSession, Count: 20, OldestS: 0.72, P50S: 0.34}}
		}), capability.IdleInTransaction, 0.5, 0.8},
		{"left open, or let wait: opening is slow, too", made(leftOpen, goSQL, slowToConnect(1200), func(in *capability.DiagnoseInput) {
			in.Database.Connect.UsualMS = new(600.0)
			in.Database.States = []capability.SessionState{{State: inTransaction, Count: 33, OldestS: 2.9, P50S: 1.4}, {State: activeSession, Count: 17, OldestS: 0.8, P50S: 0.26}}
		}), capability.IdleInTransaction, 0.5, 0.89},
		{"left open, and the others wait for their locks", made(leftOpen, goSQL, func(in *capability.DiagnoseInput) {
			in.Database.States = []capability.SessionState{{State: inTransaction, Count: 30, OldestS: 7.2, P50S: 3.6}, {State: activeSession, Count: 20, OldestS: 3, P50S: 1.5}}
			in.Database.Waits = []capability.Wait{{Type: "Lock", Event: "transactionid", Count: 20}}
			in.Database.Blocking = []capability.Blocking{{Pid: 100, BackendStart: began.Add(-time.Hour), State: inTransaction, Kind: "write", XactAgeS: new(7.0), Blocks: 20}}
		}), capability.IdleInTransaction, 0.9, 1},
		{"queries that take longer, behind a pooler without a past", made(behindPooler, slow, func(in *capability.DiagnoseInput) {
			in.Pooler.Baseline = nil
			in.Database.States = []capability.SessionState{{State: activeSession, Count: 30, OldestS: 0.004, P50S: 0.001}, {State: inTransaction, Count: 4, OldestS: 0.003, P50S: 0.003}}
		}), capability.SlowQuery, 0.6, 0.89},

		// Exporters in the place of the database and the pooler.
		{"exporters: healthy", made(exported), unknown, 0, 0},
		{"exporters: busy", made(busy, exported), unknown, 0, 0},
		{"exporters: pool lowered", made(poolLowered, exported, noChanges), small, 0.9, 1},
		{"exporters: transactions left open, or cut", made(leftOpen, exported, noChanges), capability.IdleInTransaction, 0.6, 0.89},
		{"exporters: convoy", made(convoy, exported, noChanges), capability.LockBlocking, 0.6, 0.9},
		{"exporters: half open", made(halfOpen, exported, noChanges), capability.StaleHalfOpen, 0.6, 1},
		{"exporters: max_connections lowered", made(maxLowered, pasts(190), exported, noChanges), capability.DBMaxConnectionsTooLow, 0.9, 1},
		{"exporters: noisy neighbour", made(noisyNeighbour, exported, noChanges), capability.NoisyClient, 0.9, 1},
		{"exporters: limit of the role", made(roleLimitUnsaid, exported, noChanges), capability.RoleOrDBLimit, 0.9, 1},
		{"exporters: refused, with slots free", made(roleLimit, failedWith("53300"), exported, noChanges), capability.RoleOrDBLimit, 0.7, 0.9},
		{"exporters: queries that do not end", made(convoy, exported, noChanges, func(in *capability.DiagnoseInput) {
			in.Pool.Onset, in.Pool.Now.ReleasesRPS = new(began.Add(-time.Second)), new(0.0)
			in.Pool.Database.Sessions[0].Wait, in.Pool.Database.Sessions = "", in.Pool.Database.Sessions[:1]
		}), capability.LockBlocking, 0.5, 0.7},
		{"exporters: all wait, and nobody is in front", made(prepared, allWait, exported, noChanges), capability.PreparedTransaction, 0.5, 0.6},
		{"exporters: all are at work, none ends, and nobody is in front", made(prepared, allWait, exported, waitUnsaid, noChanges), capability.PreparedTransaction, 0.5, 0.6},
		{"exporters: nobody is in front, and none can be prepared", made(prepared, allWait, exported, mostPrepared(0), noChanges), capability.LockBlocking, 0.6, 0.8},
		{"exporters: all wait, and somebody may be in front", made(prepared, allWait, func(in *capability.DiagnoseInput) { in.Database.States[0].Count = 51 }, exported, mostPrepared(5), noChanges), capability.LockBlocking, 0.6, 0.8},
		{"exporters: refused inside the database", made(roleLimit, littleSaid, refusedAfter(0.006), pasts(190), refusedInside, exported, noChanges), capability.RoleOrDBLimit, 0.5, 0.7},
		{"exporters: refused, and not inside the database", made(roleLimit, littleSaid, refusedAfter(0.006), pasts(190), exported, noChanges), unknown, 0, 0},
		{"exporters: too many replicas", made(full, exported, noChanges), capability.ReplicasTimesPool, 0.9, 1},
		{"exporters: pooler too small", made(behindPooler, poolerSmall, exported, noChanges), capability.PgbouncerPoolTooSmall, 0.7, 1},
		{"exporters: pooler refuses", made(behindPooler, poolerRefuses, exported, noChanges), capability.PgbouncerMaxClientConn, 0.9, 1},
		{"exporters: slow query behind a pooler", made(behindPooler, slow, poolerFull, slowOnServer, exported, noChanges), capability.SlowQuery, 0.6, 1},
		{"exporters: not let in", made(maxLowered, exporterOut, noDatabase, noChanges), unknown, 0, 0},

		{"exporters: read-only", made(failedWith("25006"), exported, noChanges), capability.FailoverOrWrongEndpoint, 0.5, 0.85},
		{"exporters: led to a standby", made(readOnly, exported, func(in *capability.DiagnoseInput) { in.Pool.Database.Standby = new(true) }, noChanges), capability.FailoverOrWrongEndpoint, 0.8, 1},

		// The server with its past, and without the service.
		{"server alone: as ever", made(pasts(310), noPool, noChanges), unknown, 0, 0},
		{"server alone: busy", made(busy, pasts(320), noPool, noChanges), unknown, 0, 0},
		{"server alone: at night", made(atRest, pasts(2), noPool, noChanges), unknown, 0, 0},
		{"server alone: fewer sessions", made(poolLowered, pasts(182), noPool, noChanges), small, 0.6, 0.85},
		{"server alone: more transactions", made(spike, pasts(450), noPool, noChanges), capability.TrafficSpike, 0.6, 0.85},
		{"server alone: more transactions, each a little longer", made(spike, pasts(460), noPool, noChanges, func(in *capability.DiagnoseInput) { in.Database.Baseline.Resting = new(24) }), capability.TrafficSpike, 0.6, 0.85},
		{"server alone: each takes longer, in step", made(spike, pasts(70), noPool, noChanges, func(in *capability.DiagnoseInput) {
			in.Database.States = []capability.SessionState{{State: activeSession, Count: 36, OldestS: 0.6, P50S: 0.04}, {State: inTransaction, Count: 14, OldestS: 0.63, P50S: 0.62}}
		}), capability.SlowQuery, 0.5, 0.85},
		{"server alone: read-only, and next to nothing ends well", made(pasts(1), readOnlyAlone, noPool, noChanges), capability.FailoverOrWrongEndpoint, 0.7, 0.85},
		{"server alone: a standby at night", made(atRest, pasts(1), noPool, noChanges, func(in *capability.DiagnoseInput) { in.Database.ReadOnly, in.Database.Recovery = true, true }), unknown, 0, 0},
		{"server alone: each takes longer", made(slowEarly, pasts(60), noPool, noChanges), capability.SlowQuery, 0.5, 0.85},
		{"server alone: the limit fell", made(maxLowered, pasts(190), noPool, noChanges), capability.DBMaxConnectionsTooLow, 0.7, 0.85},
		{"server alone: more sessions", made(tooManyReplicas, pasts(310), func(in *capability.DiagnoseInput) {
			in.Database.Baseline.Sessions = new(30)
			in.Database.States = []capability.SessionState{{State: activeSession, Count: 30, P50S: .03}, {State: inTransaction, Count: 26, P50S: .02}}
		}, noPool, noChanges), capability.ReplicasTimesPool, 0.6, 0.85},

		// Our own login is turned away.
		{"turned away for want of slots", made(maxLowered, failedWith("53300"), turnedAway("53300", "sorry, too many clients already"), noChanges), capability.DBMaxConnectionsTooLow, 0.5, 0.9},
		{"turned away by the database's limit", made(roleLimit, turnedAway("53300", `too many connections for database "appdb"`), noChanges), capability.RoleOrDBLimit, 0.6, 0.9},
		{"nobody answers, and nothing else was read", made(noPool, turnedAway("", "dial tcp 10.0.0.5:5432: connect: connection refused"), noChanges), capability.FailoverOrWrongEndpoint, 0.5, 0.7},
		{"turned away by our own role's limit", made(busy, turnedAway("53300", `too many connections for role "firebreak"`), noChanges), unknown, 0, 0},
		{"turned away while it starts", made(restarting, failedWith("57P03"), turnedAway("57P03", "the database system is starting up"), noChanges), capability.FailoverOrWrongEndpoint, 0.9, 1},
		{"turned away for its password", made(busy, turnedAway("28P01", "password authentication failed"), noChanges), unknown, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			isTop(t, c.in, c.cause, c.least, c.most)
		})
	}
}

// TestNoPreparedTransactions holds that a server that takes none has none, and
// that this is what is said of them.
func TestNoPreparedTransactions(t *testing.T) {
	for most, because := range map[int]string{0: "max_prepared_transactions is 0", 5: ""} {
		out := Connections(made(prepared, allWait, exported, mostPrepared(most), noChanges))
		found := slices.ContainsFunc(out.Findings, func(f capability.Finding) bool { return f.Cause == capability.PreparedTransaction })
		ruledOut := slices.ContainsFunc(out.Top.RuledOut, func(r capability.RuledOut) bool {
			return r.Cause == capability.PreparedTransaction && strings.Contains(r.Because, because)
		})
		if found == (because != "") || ruledOut != (because != "") {
			t.Errorf("of %d: found %t, ruled out %t: %+v", most, found, ruledOut, out.Top.RuledOut)
		}
	}
}
