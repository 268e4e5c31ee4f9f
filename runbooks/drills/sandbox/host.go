package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/firebreak-ops/firebreak/runbooks/drills/practice"
)

// hostOptions tell the host process what to set up.
type hostOptions struct {
	Dir          string   `json:"dir"` // removed when the host ends
	Command      []string `json:"command"`
	Replicas     int      `json:"replicas"`
	AppPassword  string   `json:"app_password"`
	ReadPassword string   `json:"read_password"`
	Kubeconfig   string   `json:"kubeconfig,omitempty"` // of the cluster that the replicas are pods of; empty: they are processes
}

// notice is one JSON line that the host writes for the drill.
type notice struct {
	Up       *up       `json:"up,omitempty"`       // once: everything answers
	Deployed *deployed `json:"deployed,omitempty"` // every replica runs this revision
}

type up struct {
	URLs    []string `json:"urls"` // of the replicas
	ReadDSN string   `json:"read_dsn"`

	Namespace string `json:"namespace,omitempty"` // of the pods
}

type deployed struct {
	practice.Settings
	At time.Time `json:"at"`
}

// runHost runs the database and the replicas until ctx ends, and removes the
// sandbox's folder as the last thing.
func runHost(ctx context.Context, opts hostOptions, notices, logTo io.Writer) (err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(opts.Dir)) }()
	lock, err := holdFolder(opts.Dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	database, err := startPostgres(ctx, filepath.Join(opts.Dir, "pg"), opts.AppPassword, opts.ReadPassword)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.stop()) }()
	if err := noteProcess(opts.Dir, database.process.pid()); err != nil {
		return err
	}

	tell := json.NewEncoder(notices)
	dsn := database.dsn(appLogin, opts.AppPassword)
	began := func(s *supervisor, namespace string) error {
		return tell.Encode(notice{Up: &up{URLs: s.urls(), ReadDSN: database.dsn(readLogin, opts.ReadPassword), Namespace: namespace}})
	}
	live := func(d deployed) error { return tell.Encode(notice{Deployed: &d}) }
	logger := log.New(logTo, "", log.LstdFlags|log.Lmicroseconds)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-database.process.done:
			cancel(errors.New("the sandbox's database ended by itself"))
		case <-ctx.Done():
		}
	}()
	if opts.Kubeconfig != "" {
		err = runPods(ctx, opts, dsn, began, live, logger)
	} else {
		err = runProcesses(ctx, opts, dsn, began, live, logger)
	}
	if err == nil && !errors.Is(context.Cause(ctx), context.Canceled) {
		err = context.Cause(ctx)
	}
	return err
}

// runProcesses keeps the replicas as processes, with their settings from the
// repository, until ctx ends.
func runProcesses(ctx context.Context, opts hostOptions, dsn string, began func(*supervisor, string) error, live func(deployed) error, logger *log.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	d, err := newDeployer(filepath.Join(opts.Dir, settingsRepo), live)
	if err != nil {
		return err
	}
	s, err := newSupervisor(opts, dsn, d, logger.Writer())
	if err != nil {
		return err
	}
	defer s.close()
	failed := make(chan error, len(s.replicas)+1)
	for _, r := range s.replicas {
		running.Go(func() { failed <- s.keep(ctx, r) })
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := began(s, ""); err != nil {
		return err
	}
	running.Go(func() { failed <- d.watch(ctx, s.replicas, logger) })
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}
