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
}

// notice is one JSON line that the host writes for the drill.
type notice struct {
	Up       *up       `json:"up,omitempty"`       // once: everything answers
	Deployed *deployed `json:"deployed,omitempty"` // every replica runs this revision
}

type up struct {
	URLs    []string `json:"urls"` // of the replicas
	ReadDSN string   `json:"read_dsn"`
}

type deployed struct {
	practice.Settings
	At time.Time `json:"at"`
}

// runHost runs the database, the replicas and the deployer until ctx ends, and
// removes the sandbox's folder as the last thing.
func runHost(ctx context.Context, opts hostOptions, notices, logTo io.Writer) (err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(opts.Dir)) }()
	database, err := startPostgres(ctx, filepath.Join(opts.Dir, "pg"), opts.AppPassword, opts.ReadPassword)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.stop()) }()

	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	tell := json.NewEncoder(notices)
	d, err := newDeployer(filepath.Join(opts.Dir, settingsRepo), func(d deployed) error { return tell.Encode(notice{Deployed: &d}) })
	if err != nil {
		return err
	}
	s, err := newSupervisor(opts, database.dsn(appLogin, opts.AppPassword), d, logTo)
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
	if err := tell.Encode(notice{Up: &up{URLs: s.urls(), ReadDSN: database.dsn(readLogin, opts.ReadPassword)}}); err != nil {
		return err
	}
	running.Go(func() {
		failed <- d.watch(ctx, s.replicas, log.New(logTo, "deployer: ", log.LstdFlags|log.Lmicroseconds))
	})
	select {
	case <-ctx.Done():
		return nil
	case <-database.process.done:
		return errors.New("the sandbox's database ended by itself")
	case err := <-failed:
		return err
	}
}
