package accuracy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// fault breaks a rig in one way of the taxonomy.
type fault struct {
	cause   capability.Cause
	second  capability.Cause // of two at once; empty: it is alone
	name    string
	pooled  bool   // needs a pooler
	proxied bool   // needs a proxy
	follows bool   // needs a standby, and a proxy that can be led there
	grows   bool   // adds replicas
	conf    string // of the server, beside the rest
	breaks  func(*rig) error
}

var faults = slices.Concat(single, pairs, calm)

// single are faults that come alone.
var single = []fault{
	{cause: capability.AppPoolTooSmall, name: "pool lowered", breaks: func(r *rig) error {
		to := max(1, r.size*2/5)
		r.changed("db.pool.max", r.size, to)
		return r.service.resize(to)
	}},
	{cause: capability.ConnectionLeak, name: "leak", breaks: func(r *rig) error { r.service.how.leak.Store(true); return nil }},
	{cause: capability.DBMaxConnectionsTooLow, name: "max_connections lowered", breaks: func(r *rig) error { return r.limit(r.total() * 45 / 100) }},
	{cause: capability.IdleInTransaction, name: "forgotten commits", breaks: func(r *rig) error { r.service.how.forgetCommit.Store(true); return nil }},
	{cause: capability.SlowQuery, name: "slow query", breaks: func(r *rig) error { return r.slower(12) }},
	{cause: capability.SlowQuery, name: "slow query behind a pooler", pooled: true, breaks: func(r *rig) error { return r.slower(12) }},
	{cause: capability.LockBlocking, name: "table lock", breaks: func(r *rig) error {
		return r.hold("lock table counters in access exclusive mode")
	}},
	{cause: capability.LockBlocking, name: "queued DDL", breaks: func(r *rig) error {
		if err := r.hold("select count(*) from counters"); err != nil {
			return err
		}
		return r.background("alter table counters add column if not exists more int")
	}},
	{cause: capability.TrafficSpike, name: "spike", breaks: func(r *rig) error { r.service.rate.Store(int64(3 * r.rate)); return nil }},
	{cause: capability.ConnectionStorm, name: "a connection for each request", breaks: func(r *rig) error { r.service.how.past.Store(true); return nil }},
	{cause: capability.NoisyClient, name: "noisy client", breaks: func(r *rig) error {
		<-r.grab("export", r.slots)
		r.service.reconnect()
		return nil
	}},
	{cause: capability.ReplicasTimesPool, name: "more replicas", grows: true, breaks: func(r *rig) error {
		was := r.replicas
		for r.replicas*r.size < r.slots*3/2 {
			r.replicas++
			if err := r.service.add(r.size); err != nil {
				return err
			}
		}
		r.changed("api.replicas", was, r.replicas)
		r.service.rate.Store(int64(2 * r.rate))
		return nil
	}},
	{cause: capability.PgbouncerPoolTooSmall, name: "pooler lowered", pooled: true, breaks: func(r *rig) error {
		to := max(2, r.poolerSize/5)
		r.changed("pgbouncer.default_pool_size", r.poolerSize, to)
		return r.configure(to, 400)
	}},
	{cause: capability.PreparedTransaction, name: "prepared transaction", breaks: func(r *rig) error {
		return r.server.Exec("appdb", "begin; lock table counters in exclusive mode; prepare transaction 'order-7'")
	}},
	{cause: capability.HeldDuringExternalCall, name: "slow dependency", breaks: func(r *rig) error {
		r.service.how.outside.Store(int64(900 * time.Millisecond))
		return nil
	}},
	{cause: capability.StaleHalfOpen, name: "silent network", proxied: true, breaks: func(r *rig) error { r.proxy.silent.Store(true); return nil }},
	{cause: capability.RoleOrDBLimit, name: "role limit", breaks: func(r *rig) error {
		defer r.service.reconnect()
		return r.server.Exec("postgres", fmt.Sprintf("alter role app connection limit %d", max(2, r.total()/3)))
	}},
	{cause: capability.RoleOrDBLimit, name: "database limit", breaks: func(r *rig) error {
		defer r.service.reconnect()
		return r.server.Exec("postgres", fmt.Sprintf("alter database appdb connection limit %d", max(2, r.total()/3)))
	}},
	{cause: capability.SlowConnectAuth, name: "slow authentication", breaks: func(r *rig) error {
		if err := r.server.Exec("postgres", "alter system set pre_auth_delay = 2", "select pg_reload_conf()"); err != nil {
			return err
		}
		r.service.reconnect()
		return nil
	}},
	{cause: capability.PgbouncerMaxClientConn, name: "pooler refuses clients", pooled: true, breaks: func(r *rig) error {
		if err := r.configure(r.poolerSize, max(3, r.total()/3)); err != nil {
			return err
		}
		r.service.reconnect()
		return nil
	}},
	{cause: capability.ClientFDOrPortLimit, name: "no file descriptors", breaks: func(r *rig) error {
		r.service.how.noFiles.Store(true)
		r.service.reconnect()
		return nil
	}},
	{cause: capability.FailoverOrWrongEndpoint, name: "read-only", breaks: func(r *rig) error {
		if err := r.server.Exec("postgres", "alter system set default_transaction_read_only = on", "select pg_reload_conf()"); err != nil {
			return err
		}
		r.service.reconnect()
		return nil
	}},
	{cause: capability.FailoverOrWrongEndpoint, name: "led to a standby", follows: true, breaks: func(r *rig) error {
		r.proxy.to.Store(fmt.Sprintf("127.0.0.1:%d", r.standby.Port))
		r.service.reconnect()
		return nil
	}},
	{cause: capability.FailoverOrWrongEndpoint, name: "failed over, address not moved", follows: true, breaks: func(r *rig) error {
		r.server.End()
		return r.standby.Exec("postgres", "select pg_promote()")
	}},
	{cause: capability.LockBlocking, name: "index built in place", breaks: func(r *rig) error {
		return errors.Join(r.server.Exec("appdb", "create function crawl(i int) returns int immutable language plpgsql as $$ begin perform pg_sleep(0.05); return i; end $$"),
			r.background("create index on counters (crawl(id))"))
	}},
	{cause: capability.AutovacuumOrWraparound, name: "wraparound", conf: "autovacuum = on\nautovacuum_freeze_max_age = 100000\nautovacuum_naptime = 1", breaks: (*rig).wrapAround},
	{cause: capability.ServerOverload, name: "server starved", breaks: (*rig).starve},
	{cause: capability.TrafficSpike, name: "demand above capacity", breaks: func(r *rig) error { r.service.rate.Store(int64(r.rate) * 2); return nil }},
}

// pairs are two faults at once, in layers of their own.
var pairs = []fault{
	{cause: capability.SlowQuery, second: capability.AppPoolTooSmall, name: "two: slow query and pool lowered", breaks: func(r *rig) error {
		return errors.Join(r.service.resize(max(1, r.size*2/5)), r.slower(12))
	}},
	{cause: capability.LockBlocking, second: capability.TrafficSpike, name: "two: table lock and spike", breaks: func(r *rig) error {
		r.service.rate.Store(int64(3 * r.rate))
		return r.hold("lock table counters in access exclusive mode")
	}},
	{cause: capability.NoisyClient, second: capability.SlowQuery, name: "two: noisy client and slow query", breaks: func(r *rig) error {
		<-r.grab("export", r.slots)
		r.service.reconnect()
		return r.slower(12)
	}},
	{cause: capability.PgbouncerPoolTooSmall, second: capability.HeldDuringExternalCall, name: "two: pooler lowered and slow dependency", pooled: true, breaks: func(r *rig) error {
		r.service.how.outside.Store(int64(600 * time.Millisecond))
		return r.configure(max(2, r.poolerSize/8), 400)
	}},
	{cause: capability.IdleInTransaction, second: capability.RoleOrDBLimit, name: "two: forgotten commits and role limit", breaks: func(r *rig) error {
		r.service.how.forgetCommit.Store(true)
		defer r.service.reconnect()
		return r.server.Exec("postgres", fmt.Sprintf("alter role app connection limit %d", max(2, r.total()/2)))
	}},
	{cause: capability.ConnectionLeak, second: capability.DBMaxConnectionsTooLow, name: "two: leak and max_connections lowered", breaks: func(r *rig) error {
		r.service.how.leak.Store(true)
		return r.limit(r.total() * 45 / 100)
	}},
	{cause: capability.PreparedTransaction, second: capability.AppPoolTooSmall, name: "two: prepared transaction and pool lowered", breaks: func(r *rig) error {
		return errors.Join(r.service.resize(max(1, r.size*2/5)),
			r.server.Exec("appdb", "begin; lock table counters in exclusive mode; prepare transaction 'order-7'"))
	}},
	{cause: capability.SlowQuery, second: capability.TrafficSpike, name: "two: slow query and spike", breaks: func(r *rig) error {
		r.service.rate.Store(int64(3 * r.rate))
		return r.slower(5)
	}},
}

// calm are services that are well, each in a way that looks like trouble.
var calm = []fault{
	{cause: capability.UnknownCause, name: "healthy", breaks: func(*rig) error { return nil }},
	{cause: capability.UnknownCause, name: "busy but fine", breaks: func(r *rig) error { r.service.rate.Store(int64(r.rate) * 125 / 100); return nil }},
	{cause: capability.UnknownCause, name: "busy behind a pooler", pooled: true, breaks: func(r *rig) error { r.service.rate.Store(int64(r.rate) * 105 / 100); return nil }},
	{cause: capability.UnknownCause, name: "a batch within its limits", breaks: func(r *rig) error { <-r.grab("batch", max(2, r.slots/8)); return nil }},
	{cause: capability.UnknownCause, name: "many short transactions", breaks: func(r *rig) error {
		r.service.rate.Store(int64(r.rate) * 3 / 2)
		return r.slower(0.2)
	}},
	{cause: capability.UnknownCause, name: "night", breaks: func(r *rig) error { r.service.rate.Store(max(2, int64(r.rate)/20)); return nil }},
	{cause: capability.UnknownCause, name: "a deployment", breaks: func(r *rig) error { r.service.reconnect(); return nil }},
	{cause: capability.UnknownCause, name: "pools enlarged", breaks: func(r *rig) error {
		r.changed("db.pool.max", r.size, r.size+1)
		return r.service.resize(r.size + 1)
	}},
	{cause: capability.UnknownCause, name: "a forgotten psql", breaks: func(r *rig) error {
		return errors.Join(r.hold("select count(*) from counters"),
			r.server.Exec("appdb", "create table elsewhere (n int)", "begin; insert into elsewhere values (1); prepare transaction 'order-8'"))
	}},
	{cause: capability.UnknownCause, name: "a report and a backup", breaks: func(r *rig) error {
		return errors.Join(r.background("select count(*), pg_sleep(600) from counters"), r.background("vacuum (freeze, disable_page_skipping) counters"))
	}},
}

// starve lets each of the server's processes run for a twentieth of the time only,
// by turns, as where many more want the CPU.
func (r *rig) starve() error {
	words, err := os.ReadFile(filepath.Join(r.server.Dir, "data", "postmaster.pid"))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(words), "\n")
	postmaster, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	everyone := func(each func(pid int)) {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", postmaster, postmaster))
		for _, word := range append(strings.Fields(string(children)), first) {
			if pid, err := strconv.Atoi(word); err == nil {
				each(pid)
			}
		}
	}
	r.tasks.Go(func() {
		for r.life.Err() == nil {
			everyone(func(pid int) {
				turn := syscall.SIGSTOP
				if rand.IntN(20) == 0 {
					turn = syscall.SIGCONT
				}
				_ = syscall.Kill(pid, turn)
			})
			pause(25 * time.Millisecond)
		}
		everyone(func(pid int) { _ = syscall.Kill(pid, syscall.SIGCONT) })
	})
	return nil
}

// wrapAround has an autovacuum against wraparound at work on the table, slowly,
// and a DDL that waits for it.
func (r *rig) wrapAround() error {
	if err := r.server.Exec("appdb",
		"alter table counters set (autovacuum_enabled = off, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)", // none but that one
		"alter table counters add filler text", "update counters set filler = repeat('x', 1500)",
		"do $$ begin for i in 1..110000 loop perform txid_current(); commit; end loop; end $$"); err != nil {
		return err
	}
	c, err := pgx.Connect(r.life, r.server.DSN("admin", "appdb"))
	if err != nil {
		return err
	}
	r.held = append(r.held, c)
	for range 150 { // it analyses, too, where the update was counted before it began
		var n int
		if err := c.QueryRow(r.life, "select count(*) from pg_stat_activity where query like 'autovacuum: VACUUM %public.counters%wraparound%'").Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return r.background("alter table counters add column if not exists more int")
		}
		pause(200 * time.Millisecond)
	}
	return errors.New("no autovacuum against wraparound came")
}

// limit restarts the server with so many slots, and a few for who looks on.
func (r *rig) limit(slots int) error {
	to := max(8, slots)
	if r.exporter != nil {
		to += exporterSlots
	}
	if err := r.server.Exec("postgres", fmt.Sprintf("alter system set max_connections = %d", to)); err != nil {
		return err
	}
	return r.server.Restart(func() error { return nil })
}

// hold runs a statement in a transaction that is left open.
func (r *rig) hold(sql string) error {
	c, err := pgx.Connect(r.life, r.server.DSN("admin", "appdb")+"&application_name=report")
	if err != nil {
		return err
	}
	_, err = c.Exec(r.life, "begin; "+sql)
	r.held = append(r.held, c)
	return err
}

// background runs a statement that does not end.
func (r *rig) background(sql string) error {
	c, err := pgx.Connect(r.life, r.server.DSN("admin", "appdb")+"&application_name=migration")
	if err != nil {
		return err
	}
	go func() { _, _ = c.Exec(r.life, sql) }()
	return nil
}

// grab takes up to so many slots, as they become free, and keeps them. What it
// returns is closed once it has them, or all that were free.
func (r *rig) grab(login string, most int) <-chan struct{} {
	taken := make(chan struct{})
	go func() {
		all := sync.OnceFunc(func() { close(taken) })
		defer all()
		for n := 0; n < most && r.life.Err() == nil; {
			c, err := pgx.Connect(r.life, r.server.DSN(login, "appdb")+"&application_name="+login)
			if err != nil {
				all()
				pause(5 * time.Millisecond)
				continue
			}
			n++
			go func() {
				for r.life.Err() == nil {
					_, _ = c.Exec(r.life, "select count(*) from generate_series(1, 1000); select pg_sleep(1)", pgx.QueryExecModeSimpleProtocol)
				}
			}()
		}
	}()
	return taken
}
