package accuracy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
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
	pooled  bool // needs a pooler
	proxied bool // needs a proxy
	grows   bool // adds replicas
	breaks  func(*rig) error
}

var faults = []fault{
	{cause: capability.AppPoolTooSmall, name: "pool lowered", breaks: func(r *rig) error {
		to := max(1, r.size*2/5)
		r.changed("db.pool.max", r.size, to)
		return r.service.resize(to)
	}},
	{cause: capability.ConnectionLeak, name: "leak", breaks: func(r *rig) error { r.service.how.leak.Store(true); return nil }},
	{cause: capability.DBMaxConnectionsTooLow, name: "max_connections lowered", breaks: func(r *rig) error {
		to := max(8, r.total()*45/100)
		if r.exporter != nil {
			to += exporterSlots
		}
		if err := r.server.Exec("postgres", fmt.Sprintf("alter system set max_connections = %d", to)); err != nil {
			return err
		}
		return r.server.Restart(func() error { return nil })
	}},
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
		go r.grab("export", r.slots)
		pause(300 * time.Millisecond)
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
		f := func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.EMFILE)}
		}
		r.service.how.dial.Store(&f)
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
	{cause: capability.SlowQuery, second: capability.AppPoolTooSmall, name: "two: slow query and pool lowered", breaks: func(r *rig) error {
		return errors.Join(r.service.resize(max(1, r.size*2/5)), r.slower(12))
	}},
	{cause: capability.LockBlocking, second: capability.TrafficSpike, name: "two: table lock and spike", breaks: func(r *rig) error {
		r.service.rate.Store(int64(3 * r.rate))
		return r.hold("lock table counters in access exclusive mode")
	}},
	{cause: capability.UnknownCause, name: "healthy", breaks: func(*rig) error { return nil }},
	{cause: capability.UnknownCause, name: "busy but fine", breaks: func(r *rig) error {
		r.service.rate.Store(int64(r.rate) * 115 / 100)
		go r.grab("batch", max(2, r.slots/8))
		return nil
	}},
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

// grab takes up to so many slots, as they become free, and keeps them.
func (r *rig) grab(login string, most int) {
	for n := 0; n < most && r.life.Err() == nil; {
		c, err := pgx.Connect(r.life, r.server.DSN(login, "appdb")+"&application_name="+login)
		if err != nil {
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
}
