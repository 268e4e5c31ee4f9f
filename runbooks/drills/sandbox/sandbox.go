package sandbox

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/firebreak-ops/firebreak/runbooks/drills/practice"
)

const (
	runDir     = "run"
	secretsDir = "secrets"
	readDSN    = "read.dsn"
	kubeconfig = "kubeconfig"
	alertToken = "alerts.token"
	stopTime   = 15 * time.Second
)

// Options describe a sandbox. Command is required.
type Options struct {
	Seed    uint64
	Dir     string    // where its folder is made; empty: the system's temporary folder
	Command []string  // runs this executable as a child: the role is appended, then see RunRole
	Log     io.Writer // what the children say; nil: only shown when they fail
	Rate    float64   // requests a second; 0: 264 to 276, by the seed
	// Kubeconfig is the file of a cluster to practise on, where the replicas
	// are pods and the settings a ConfigMap; empty: processes and a repository.
	Kubeconfig string
}

// past is where the settings of the service and their history are.
type past interface {
	// head reads the newest revision and the settings in it.
	head() (revision, text string, err error)
	// push makes the changes, one after the other.
	push(commits []commit) error
}

// Sandbox is a small production. Its methods may be called from many
// goroutines at once.
type Sandbox struct {
	opts  Options
	dir   string
	lock  *os.File // of the folder
	luck  *mathrand.Rand
	past  past
	kube  string // the kubeconfig itself
	up    up
	host  *child
	load  *child
	board *board
	stop  func() error
	rate  float64
}

// Start sets everything up and returns when the load runs: a few seconds. The
// sandbox lives until Stop, the end of ctx, or the end of this process.
func Start(ctx context.Context, opts Options) (_ *Sandbox, err error) {
	if len(opts.Command) == 0 {
		return nil, errors.New("sandbox: no command to run its children with")
	}
	if _, err := findPostgres(usualPlaces[:]...); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	luck := mathrand.New(mathrand.NewPCG(opts.Seed, 1)) //nolint:gosec // repeatable on purpose
	s := &Sandbox{opts: opts, luck: luck, board: newBoard(opts.Log), rate: opts.Rate}
	replicas := 4 + luck.IntN(2)
	if s.rate == 0 {
		s.rate = math.Round(264 + 12*luck.Float64())
	}
	s.stop = sync.OnceValue(s.takeDown)
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("sandbox: %w", err), s.stop())
		}
	}()
	if err := sweepFolders(opts.Dir); err != nil {
		return nil, fmt.Errorf("take away what killed drills have left: %w", err)
	}
	if s.dir, s.lock, err = makeFolder(opts.Dir, drillPrefix); err != nil {
		return nil, err
	}
	// The database's user must get through to its own folder in it.
	if err := os.Chmod(s.dir, 0o711); err != nil { //nolint:gosec // as said
		return nil, err
	}
	first, err := seededHistory(time.Now())
	if err != nil {
		return nil, err
	}
	if opts.Kubeconfig != "" {
		s.kube, err = wholeKubeconfig(opts.Kubeconfig)
	} else {
		s.past, err = createHistory(filepath.Join(s.dir, settingsRepo), first)
	}
	if err != nil {
		return nil, err
	}
	if err := s.startHost(ctx, replicas); err != nil {
		return nil, err
	}
	if s.kube != "" {
		if s.past, err = openConfigMap(s.kube, s.up.Namespace, first[len(first)-1].text); err != nil {
			return nil, err
		}
	}
	if err := s.startLoad(); err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = s.stop() }) // Stop returns the same error
	return s, nil
}

func (s *Sandbox) startHost(ctx context.Context, replicas int) error {
	options := hostOptions{
		Dir: s.dir, Command: s.opts.Command, Replicas: replicas, AppPassword: rand.Text(), ReadPassword: rand.Text(), Kubeconfig: s.kube,
	}
	notices, output := io.Pipe()
	cmd := role(s.opts.Command, roleHost)
	cmd.Stdout, cmd.Stderr = output, s.board
	host, err := startChild("the sandbox's host", cmd, options, syscall.SIGTERM)
	if err != nil {
		return err
	}
	s.host = host
	started := make(chan up, 1)
	go s.board.hear(notices, started)
	go func() {
		<-host.done
		output.Close() // never fails
		s.board.fail(fmt.Errorf("the sandbox's host ended: %w", errOr(host.err, errors.New("without a word"))))
	}()
	select {
	case s.up = <-started:
	case <-host.done:
		return fmt.Errorf("set-up failed: %w\n%s", errOr(host.err, errors.New("the host ended")), s.board.said())
	case <-ctx.Done():
		return ctx.Err()
	}
	folder := filepath.Join(s.dir, secretsDir)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(folder, readDSN), []byte(s.up.ReadDSN), 0o600),
		os.WriteFile(filepath.Join(folder, kubeconfig), []byte(s.kube), 0o600),
		os.WriteFile(filepath.Join(folder, alertToken), []byte(rand.Text()), 0o600),
	)
}

func (s *Sandbox) startLoad() error {
	buckets, output := io.Pipe()
	cmd := role(s.opts.Command, roleLoad)
	cmd.Stdout, cmd.Stderr = output, s.board
	load, err := startChild("the load", cmd, practice.LoadOptions{
		Targets: s.up.URLs, Rate: s.rate, Seed: s.opts.Seed, Orders: orders,
	}, syscall.SIGTERM)
	if err != nil {
		return err
	}
	s.load = load
	go s.board.count(buckets)
	go func() {
		<-load.done
		output.Close() // never fails
		s.board.fail(fmt.Errorf("the load ended: %w", errOr(load.err, errors.New("without a word"))))
	}()
	return nil
}

func errOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// Stop takes everything away and returns when it is gone. Stopping twice is
// the same as once.
func (s *Sandbox) Stop() error { return s.stop() }

func (s *Sandbox) takeDown() error {
	s.board.fail(errors.New("the sandbox was stopped"))
	var err error
	for _, c := range []*child{s.load, s.host} {
		if c != nil {
			err = errors.Join(err, c.stop(stopTime))
		}
	}
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir), s.lock.Close()) // the host has done it, unless it was killed
	}
	return err
}

// Dir is the sandbox's folder.
func (s *Sandbox) Dir() string { return s.dir }

// Replicas is how many processes the practice service has.
func (s *Sandbox) Replicas() int { return len(s.up.URLs) }

// Rate is the load in requests a second.
func (s *Sandbox) Rate() float64 { return s.rate }

// Inject pushes the change that breaks the service, the pool's from 50 to the
// given total, among the given number of decoys, and returns when it did so.
func (s *Sandbox) Inject(_ context.Context, to, decoys int) (time.Time, error) {
	_, text, err := s.past.head()
	if err != nil {
		return time.Time{}, fmt.Errorf("inject: %w", err)
	}
	now := time.Now()
	commits, _, err := outage(text, to, decoys, now, s.luck)
	if err != nil {
		return time.Time{}, fmt.Errorf("inject: %w", err)
	}
	if err := s.past.push(commits); err != nil {
		return time.Time{}, fmt.Errorf("inject: %w", err)
	}
	return now.UTC(), nil
}

// Live blocks until every replica runs the given pool total, deployed at or
// after since, and returns when that was.
func (s *Sandbox) Live(ctx context.Context, total int, since time.Time) (time.Time, error) {
	return s.board.wait(ctx, func(seen *board) (time.Time, bool) {
		for _, d := range seen.deployments {
			if d.PoolMax == total && !d.At.Before(since) {
				return d.At, true
			}
		}
		return time.Time{}, false
	})
}

// Healthy blocks until the load has seen a healthy stretch that starts at or
// after from, and returns its start.
func (s *Sandbox) Healthy(ctx context.Context, from time.Time, h practice.Health) (time.Time, error) {
	return s.board.wait(ctx, func(seen *board) (time.Time, bool) { return seen.record.Healthy(from, h) })
}

// Record is what the load has seen until now.
func (s *Sandbox) Record() practice.Record { return s.board.copy() }

// Decided blocks until every request due in [from, to) has come to its end.
func (s *Sandbox) Decided(ctx context.Context, from, to time.Time) (time.Time, error) {
	return s.board.wait(ctx, func(seen *board) (time.Time, bool) { return to, seen.record.Complete(from, to) })
}
