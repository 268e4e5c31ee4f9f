package practice

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
)

// pool is a pgx pool whose size can change. A pgxpool cannot be resized, so a
// new one takes its place and the old one closes once its users are done.
type pool struct {
	dsn string

	mu       sync.RWMutex
	current  *pgxpool.Pool
	retiring map[*pgxpool.Pool]struct{}
	retired  int64 // connections ever made by pools that are gone
	closing  sync.WaitGroup
}

func openPool(ctx context.Context, dsn string, size int) (*pool, error) {
	p := &pool{dsn: dsn, retiring: map[*pgxpool.Pool]struct{}{}}
	first, err := p.build(ctx, size)
	if err != nil {
		return nil, err
	}
	p.current = first
	return p, nil
}

func (p *pool) build(ctx context.Context, size int) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(p.dsn)
	if err != nil {
		return nil, fmt.Errorf("read the practice database's address: %w", err)
	}
	config.MaxConns = int32(size) //nolint:gosec // a pool share, far below the limit
	config.MinConns = config.MaxConns
	config.ConnConfig.RuntimeParams["application_name"] = "api"
	built, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open a pool of %d connections: %w", size, err)
	}
	return built, nil
}

// resize puts a pool of the new size in place and returns at once.
func (p *pool) resize(ctx context.Context, size int) error {
	next, err := p.build(ctx, size)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.current
	p.current = next
	p.retiring[old] = struct{}{}
	p.closing.Go(func() {
		old.Close() // blocks until its last user is done
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.retiring, old)
		p.retired += old.Stat().NewConnsCount()
	})
	return nil
}

func (p *pool) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	current := p.now()
	conn, err := current.Acquire(ctx)
	if err == nil {
		return conn, nil
	}
	// A pool that retired in between refuses; its successor does not.
	if next := p.now(); next != current {
		return next.Acquire(ctx)
	}
	return nil, err
}

func (p *pool) now() *pgxpool.Pool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.current
}

// ping blocks until the pool has one working connection.
func (p *pool) ping(ctx context.Context) error {
	return p.now().Ping(ctx)
}

type poolStat struct {
	max, acquired, idle, constructing int32
	made                              int64
}

// stat counts connections that are still used in a retiring pool, too: they
// take their place in the limit until they are given back.
func (p *pool) stat() poolStat {
	p.mu.RLock()
	defer p.mu.RUnlock()
	now := p.current.Stat()
	s := poolStat{
		max: now.MaxConns(), acquired: now.AcquiredConns(), idle: now.IdleConns(),
		constructing: now.ConstructingConns(), made: p.retired + now.NewConnsCount(),
	}
	for old := range p.retiring {
		stat := old.Stat()
		s.acquired += stat.AcquiredConns()
		s.made += stat.NewConnsCount()
	}
	return s
}

// close blocks until every connection is back and closed.
func (p *pool) close() {
	p.now().Close()
	p.closing.Wait()
}
