package practice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Bounds of a replica's life.
const (
	drainTime  = 500 * time.Millisecond // to finish what holds a connection
	startTime  = 10 * time.Second       // to reach the database
	maxPoolMax = 500
)

// ReplicaOptions describe one replica of the service.
type ReplicaOptions struct {
	Name           string        `json:"name"`
	Index          int           `json:"index"`    // 0 ..
	Replicas       int           `json:"replicas"` // how many share the pool
	DSN            string        `json:"dsn"`
	AcquireTimeout time.Duration `json:"acquire_timeout"` // 0: 3 s
	Settings       Settings      `json:"settings"`
	Version        string        `json:"version"`
}

type replica struct {
	opts     ReplicaOptions
	life     context.Context //nolint:containedctx // pools live as long as the replica, not as the call that resizes them
	pool     *pool
	gate     *gate
	metrics  *metrics
	settings atomic.Pointer[Settings]
	serving  atomic.Bool
	started  time.Time
	log      *log.Logger
}

// RunReplica serves the API on ln until ctx ends, then drains for at most half
// a second and returns nil. It blocks. Errors name the replica.
func RunReplica(ctx context.Context, opts ReplicaOptions, ln net.Listener, logTo io.Writer) error {
	if opts.AcquireTimeout == 0 {
		opts.AcquireTimeout = 3 * time.Second
	}
	// Requests in flight outlive the end of ctx by the drain.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	r := &replica{opts: opts, life: life, started: time.Now().UTC(), log: log.New(logTo, "", log.LstdFlags|log.Lmicroseconds)}
	size, err := share(opts.Settings.PoolMax, opts.Replicas, opts.Index)
	if err != nil {
		return fmt.Errorf("replica %s: %w", opts.Name, err)
	}
	if r.pool, err = openPool(life, opts.DSN, size); err != nil {
		return fmt.Errorf("replica %s: %w", opts.Name, err)
	}
	defer r.pool.close()
	r.settings.Store(&opts.Settings)
	r.gate = newGate(size, opts.AcquireTimeout)
	r.metrics = newMetrics(r.pool, r.gate)

	server := &http.Server{Handler: r.routes(), ReadHeaderTimeout: 5 * time.Second, ErrorLog: r.log}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()

	reach, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := r.pool.ping(reach); err != nil {
		return errors.Join(fmt.Errorf("replica %s: reach the practice database: %w", opts.Name, err), server.Close())
	}
	r.serving.Store(true)
	select {
	case err := <-served:
		return fmt.Errorf("replica %s: serve: %w", opts.Name, err)
	case <-ctx.Done():
	}
	r.serving.Store(false)
	r.gate.drain()
	drain, cancel := context.WithTimeout(life, drainTime)
	defer cancel()
	if server.Shutdown(drain) != nil {
		end() // what has not finished by now is cut
		return server.Close()
	}
	return nil
}

func (r *replica) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", r.orders)
	mux.Handle("GET /metrics", r.metrics.page())
	mux.HandleFunc("GET /ready", r.ready)
	mux.HandleFunc("GET /admin/settings", r.runningSettings)
	mux.HandleFunc("PUT /admin/settings", r.deploySettings)
	mux.HandleFunc("GET /backlog", r.backlogStatus)
	mux.HandleFunc("POST /backlog/shed", r.shed)
	return mux
}

// apply puts new settings to work. The line keeps its place.
func (r *replica) apply(next Settings) error {
	size, err := share(next.PoolMax, r.opts.Replicas, r.opts.Index)
	if err != nil {
		return err
	}
	if next.PoolMax != r.settings.Load().PoolMax {
		if err := r.pool.resize(r.life, size); err != nil {
			return err
		}
		r.gate.resize(size)
	}
	r.settings.Store(&next)
	return nil
}

// share is how much of the pool the replica at index gets; the first ones get
// what does not divide.
func share(total, replicas, index int) (int, error) {
	if total < replicas || total > maxPoolMax {
		return 0, fmt.Errorf("db.pool.max is %d: give at least one connection to each of the %d replicas, and at most %d", total, replicas, maxPoolMax)
	}
	size := total / replicas
	if index < total%replicas {
		size++
	}
	return size, nil
}
