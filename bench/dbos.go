package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	_ "github.com/dbos-inc/dbos-transact-golang/dbos/driver/sqlite" // the driver
)

// peer is DBOS Go in this process, which is how its users have it, on a SQLite
// file that is synced like firebreak's. One connection: with several it is
// slower.
type peer struct {
	dbos.Context
	db    *sql.DB
	began chan time.Time // when the step after an approval began
}

const topic = "approval"

func newPeer(ctx context.Context, dir string) (*peer, error) {
	file := filepath.Join(dir, "dbos.db")
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	p := &peer{db: db, began: make(chan time.Time, 1)}
	var mode string
	var sync int
	if err := db.QueryRowContext(ctx, "SELECT journal_mode, synchronous FROM pragma_journal_mode, pragma_synchronous").Scan(&mode, &sync); err != nil {
		return nil, err
	}
	if mode != "wal" || sync != 2 {
		return nil, fmt.Errorf("the peer's file is in journal mode %s with synchronous=%d, not wal and 2", mode, sync)
	}
	p.Context, err = dbos.NewContext(ctx, dbos.Config{AppName: "bench", SQLiteSystemDB: db, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	dbos.RegisterWorkflow(p.Context, ten)
	dbos.RegisterWorkflow(p.Context, p.approved, dbos.WithWorkflowName("approved"))
	return p, dbos.Launch(p.Context)
}

func (p *peer) close() error {
	return errors.Join(dbos.Shutdown(p.Context, time.Second), p.db.Close())
}

// step is the peer's step: it returns 300 bytes, in this process.
func step(context.Context) (string, error) { return strings.Repeat("x", 300), nil }

// ten is a workflow of ten steps.
func ten(ctx dbos.Context, _ string) (string, error) {
	for range 10 {
		if _, err := dbos.RunAsStep(ctx, step); err != nil {
			return "", err
		}
	}
	return "", nil
}

// approved is a workflow that waits for an approval, and then does a step.
func (p *peer) approved(ctx dbos.Context, _ string) (string, error) {
	if _, err := dbos.Recv[string](ctx, topic, time.Hour); err != nil {
		return "", err
	}
	return dbos.RunAsStep(ctx, func(context.Context) (string, error) {
		p.began <- time.Now()
		return "", nil
	})
}

func (p *peer) run(context.Context) error {
	h, err := dbos.RunWorkflow(p.Context, ten, "")
	if err != nil {
		return err
	}
	_, err = h.GetResult()
	return err
}

// approval returns how long the step after an approval took to begin. The
// approval comes some time after the question.
func (p *peer) approval(_ context.Context, after time.Duration) (time.Duration, error) {
	h, err := dbos.RunWorkflow(p.Context, p.approved, "")
	if err != nil {
		return 0, err
	}
	time.Sleep(after)
	at := time.Now()
	if err := dbos.Send(p.Context, h.GetWorkflowID(), "yes", topic); err != nil {
		return 0, err
	}
	took := (<-p.began).Sub(at)
	_, err = h.GetResult()
	return took, err
}
