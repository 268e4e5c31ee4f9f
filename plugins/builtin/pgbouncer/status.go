package pgbouncer

import (
	"cmp"
	"net"
	"slices"
	"strconv"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// status sums a reading up; no list is longer than rows. Resource and what
// takes a past are left to the caller.
func (r reading) status(rows int) capability.PoolerOutput {
	out := capability.PoolerOutput{
		Observed: capability.Observed{ObservedAt: r.at.UTC()},
		Version:  r.version,
		Limits:   r.limits(),
		Used:     r.lists["used_clients"],
		Servers:  r.lists["used_servers"],
		Pools:    head(r.poolList(), rows),
		Clients:  head(r.clientList(), rows),
	}
	out.Free = max(0, out.Limits.MaxClients-out.Used)
	return out
}

func (r reading) limits() capability.PoolerLimits {
	c := row(r.config)
	l := capability.PoolerLimits{
		Mode:        c["pool_mode"],
		MaxClients:  c.int(keys[capability.MaxClients]),
		PoolSize:    c.int(keys[capability.PoolSize]),
		ReserveSize: c.int(keys[capability.ReserveSize]),
		MaxServers:  c.limit(keys[capability.MaxServers]),
	}
	if wait, err := strconv.ParseFloat(c["query_wait_timeout"], 64); err == nil && wait > 0 {
		l.QueryWaitS = &wait
	}
	return l
}

func (r reading) poolList() []capability.PoolerPool {
	var out []capability.PoolerPool
	for _, p := range r.pools {
		if p.isConsole() {
			continue
		}
		d := r.databases[p["database"]]
		out = append(out, capability.PoolerPool{
			Database: p["database"], User: p["user"],
			Server:     net.JoinHostPort(d["host"], d["port"]) + "/" + d["database"],
			Mode:       cmp.Or(p["pool_mode"], d["pool_mode"], r.config["pool_mode"]),
			Size:       d.int("pool_size"),
			Reserve:    d.int("reserve_pool", "reserve_pool_size"),
			MaxServers: d.limit("max_connections"),
			Active:     p.int("cl_active"), Waiting: p.int("cl_waiting"), MaxWaitS: p.seconds("maxwait"),
			ServersActive:  p.int("sv_active"),
			ServersIdle:    p.int("sv_idle") + p.int("sv_used"),
			ServersOther:   p.int("sv_tested") + p.int("sv_login") + p.int("sv_being_canceled") + p.int("sv_active_cancel"),
			OldestRequestS: r.oldestRequest(p),
			Paused:         d.int("paused") > 0, Disabled: d.int("disabled") > 0,
		})
	}
	slices.SortFunc(out, func(a, b capability.PoolerPool) int {
		return cmp.Or(b.Waiting-a.Waiting, cmp.Compare(a.Database, b.Database), cmp.Compare(a.User, b.User))
	})
	return out
}

// oldestRequest is the age of the oldest last request on a connection of the
// pool that a client holds, to the second.
func (r reading) oldestRequest(pool row) (oldest *float64) {
	for _, s := range r.servers {
		at, ok := s.time("request_time")
		if s["state"] != "active" || s["database"] != pool["database"] || s["user"] != pool["user"] || !ok {
			continue
		}
		if age := max(0, r.at.Sub(at).Seconds()); oldest == nil || age > *oldest {
			oldest = &age
		}
	}
	return oldest
}

func (r reading) clientList() []capability.PoolerClient {
	counts := map[capability.PoolerClient]capability.PoolerClient{}
	for _, c := range r.clients {
		if c.isConsole() {
			continue
		}
		key := capability.PoolerClient{User: c["user"], Application: c["application_name"], Address: addressOf(c), Database: c["database"]}
		sum, ok := counts[key]
		if !ok {
			sum = key
		}
		sum.Count++
		if c["state"] == "waiting" {
			sum.Waiting++
		}
		counts[key] = sum
	}
	var out []capability.PoolerClient
	for _, c := range counts {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b capability.PoolerClient) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.User, b.User), cmp.Compare(a.Application, b.Application),
			cmp.Compare(a.Address, b.Address), cmp.Compare(a.Database, b.Database))
	})
	return out
}

func addressOf(client row) string {
	if a := client["addr"]; a != "unix" && a != "" {
		return a
	}
	return "local"
}

func head[T any](list []T, rows int) []T { return list[:min(len(list), max(rows, 0))] }
