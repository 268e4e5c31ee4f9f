package diagnose

import (
	"fmt"
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var clientLimit = cause{
	id: capability.ClientFDOrPortLimit, layer: capability.ClientOS,
	text:  "The service's own machine or process gives out no more sockets: file descriptors or local ports are used up.",
	signs: "The pool cannot open connections, while the server, its limits and the pooler have room and answer a fresh connection at once; a replica has as many files open as it may.",
	unlike: []lookAlike{
		{capability.SlowConnectAuth, "a fresh connection of our own is slow, too"},
		{capability.RoleOrDBLimit, "a limit of the server is reached"},
		{capability.PgbouncerMaxClientConn, "the pooler has no client connection left"},
		{capability.DBMaxConnectionsTooLow, "the server has no slot left"},
	},
	judge: judgeClientLimit,
}

// fewFiles is how many files a process that has none left may be short of its
// limit when it is looked at: what it just closed, and what it answers with.
func fewFiles(most float64) float64 { return math.Max(3, 0.02*most) }

// outOfFiles is the replica whose process has next to no file descriptor left;
// nil: none says so. A connection is one, too.
func (v *view) outOfFiles() *capability.PoolReplica {
	if v.in.Pool == nil {
		return nil
	}
	for i, r := range v.in.Pool.Replicas {
		if open, most := whole(r.FilesOpen), whole(r.FilesMax); open >= most-fewFiles(most) {
			return &v.in.Pool.Replicas[i]
		}
	}
	return nil
}

// hasFiles says that all replicas say how many files they have open, and that
// they have a good part of them left.
func (v *view) hasFiles() bool {
	if v.in.Pool == nil || len(v.in.Pool.Replicas) == 0 {
		return false
	}
	for _, r := range v.in.Pool.Replicas {
		if !(whole(r.FilesOpen) <= 0.8*whole(r.FilesMax)) {
			return false
		}
	}
	return true
}

// files are the file descriptors of a replica's process.
func (v *view) files(r *capability.PoolReplica) observation {
	return observation{
		source: metrics, query: "metrics.pool: replicas.files_open, replicas.files_max", at: v.poolAt(),
		observed: fmt.Sprintf("%s has %d files and sockets open, of %d that it may", r.Name, *r.FilesOpen, *r.FilesMax), expected: "files left",
	}
}

func judgeClientLimit(v *view) *claim {
	switch {
	case !v.pool:
		return notBecause("there are no figures of the pool")
	case !v.cannotOpen():
		return notBecause("the pool can open connections, or needs none: %.0f of %.0f in use, %.0f at rest", v.now.acquired, v.now.max, zeroIfNaN(v.idle))
	case v.met(socketErrors) == 0 && (v.met(slotErrors) > 0 || v.met(poolerErrors) > 0):
		return notBecause("it is refused from elsewhere: %s", v.errorsMet(append(poolerErrors, slotErrors...)).observed)
	case v.met(dialErrors) > v.met(socketErrors):
		return notBecause("it is not the machine that refuses: %s", v.errorsMet(dialErrors).observed)
	case v.unreachable():
		return notBecause("our own login does not get there either: %s", v.refusal.Text)
	case v.now.query >= 2*v.before.query:
		return notBecause("queries are slow: %s, were %s", seconds(v.now.query), seconds(v.before.query))
	}
	c := &claim{}
	c.thenf("connections cannot be opened from here")
	out := v.outOfFiles()
	switch {
	case v.met(socketErrors) > 0:
		c.speaksFor(0.5, v.errorsMet(socketErrors))
	case out != nil:
		c.speaksFor(0.5, v.files(out))
	case v.hasFiles():
		c.speaksAgainst(0.15, v.files(&v.in.Pool.Replicas[0])) // it may be its local ports
	}
	if !v.database {
		// A limit elsewhere leaves some connections, and a server does not
		// refuse any at once.
		weight := 0.2
		if v.failing() && !v.queued() && (v.hasNone() || v.refusedFast()) {
			weight = 0.45
		}
		c.speaksFor(weight, v.notOpening())
		c.actions = clientLimitActions()
		return c
	}
	connect := v.in.Database.Connect
	switch {
	case v.slotsShort():
		return notBecause("%d of %.0f slots of the server are free", v.in.Database.Free, v.usable)
	case v.limitReached() != nil:
		return notBecause("a limit of the %s is reached", v.limitReached().of)
	case v.pooler.clientsFull():
		return notBecause("the pooler takes no more clients")
	case math.IsNaN(connect.MS) && v.takesLong():
		return notBecause("connections are being opened, and take long")
	case !connect.OK:
		return notBecause("a fresh connection from elsewhere fails, too: %s", connectWords(connect))
	case connect.MS >= 500 && !v.opensMore():
		return notBecause("a fresh connection from elsewhere is slow, too: %.0f ms", connect.MS)
	}
	c.speaksFor(0.35, v.notOpening())
	weight := 0.3
	if math.IsNaN(connect.MS) {
		weight = 0.2 // nobody has tried from elsewhere
	} else if v.failing() && zeroIfNaN(v.now.waiting) <= math.Max(3, 0.1*v.now.max) {
		weight = 0.4 // it fails at once, as only one's own machine does
	}
	if v.databaseStandsIn && v.failing() && v.now.failed >= 0.001 && v.met(socketErrors) == 0 && out == nil {
		c.speaksAgainst(0.2, observation{
			source: metrics, query: "metrics.pool: now.failed_s", at: v.poolAt(),
			observed: "requests fail after " + seconds(v.now.failed), expected: "at once, where nothing is sent",
		})
	}
	c.speaksFor(weight, observation{
		source: database, query: slotsSQL, at: v.databaseAt(),
		observed: fmt.Sprintf("%d of %.0f slots free; a fresh connection from elsewhere: %s", v.in.Database.Free, v.usable, connectWords(connect)),
		expected: "the same from the service's machine",
	})
	if v.pooler.present {
		c.speaksFor(0.1, observation{
			source: pooler, query: "SHOW LISTS", at: v.poolerAt(),
			observed: fmt.Sprintf("%.0f of %.0f clients connected", v.pooler.used, v.pooler.most), expected: "clients left",
		})
	}
	c.actions = clientLimitActions()
	return c
}

func clientLimitActions() []capability.Remedy {
	return []capability.Remedy{
		byHand("raise_nofile", "the service's process", capability.MediumRisk,
			"Look for \"too many open files\" or \"cannot assign requested address\" in its log; compare /proc/PID/limits with /proc/PID/fd, and ss -s with ip_local_port_range. Raise the limit, and restart in waves."),
		byHand("reuse_connections", "the program", capability.LowRisk,
			"Find what keeps sockets or files open, and reuse connections instead of opening new ones."),
	}
}
