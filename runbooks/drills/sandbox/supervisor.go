package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/firebreak-ops/firebreak/runbooks/drills/practice"
)

// releaseVersion is what the practice service calls itself.
const releaseVersion = "api-4.12.0"

// replica is one slot of the service: its process comes and goes, its name and
// address stay.
type replica struct {
	name    string
	index   int
	url     string
	socket  *os.File
	running atomic.Pointer[practice.Settings] // what its process was last given
}

// supervisor keeps a process in each slot and says in NAME.pid and NAME.port
// which one and where.
type supervisor struct {
	opts     hostOptions
	dsn      string
	deployer *deployer
	log      io.Writer
	replicas []*replica
}

func newSupervisor(opts hostOptions, dsn string, d *deployer, logTo io.Writer) (*supervisor, error) {
	s := &supervisor{opts: opts, dsn: dsn, deployer: d, log: logTo}
	if err := os.Mkdir(filepath.Join(opts.Dir, runDir), 0o700); err != nil {
		return nil, fmt.Errorf("supervisor: %w", err)
	}
	for i := range opts.Replicas {
		ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("supervisor: %w", err), s.close())
		}
		socket, err := ln.File()
		err = errors.Join(err, ln.Close())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("supervisor: %w", err), s.close())
		}
		r := &replica{name: fmt.Sprintf("api-%d", i+1), index: i, url: "http://" + ln.Addr().String(), socket: socket}
		s.replicas = append(s.replicas, r)
		_, port, err := net.SplitHostPort(ln.Addr().String())
		err = errors.Join(err, s.note(r, "port", port))
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

func (s *supervisor) close() error {
	var err error
	for _, r := range s.replicas {
		err = errors.Join(err, r.socket.Close())
	}
	return err
}

func (s *supervisor) urls() []string {
	urls := make([]string, len(s.replicas))
	for i, r := range s.replicas {
		urls[i] = r.url
	}
	return urls
}

// note writes NAME.what so that a reader sees the old text or the new one.
func (s *supervisor) note(r *replica, what, text string) error {
	path := filepath.Join(s.opts.Dir, runDir, r.name+"."+what)
	if err := os.WriteFile(path+".new", []byte(text+"\n"), 0o600); err != nil {
		return fmt.Errorf("supervisor: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("supervisor: %w", err)
	}
	return nil
}

// keep starts the replica again whenever it ends, until ctx ends.
func (s *supervisor) keep(ctx context.Context, r *replica) error {
	const longest = time.Second
	pause := 100 * time.Millisecond
	for {
		began := time.Now()
		process, err := s.launch(r, s.deployer.current())
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return process.stop(2*time.Second, syscall.SIGTERM)
		case <-process.done:
		}
		if process.err == nil || time.Since(began) > 5*time.Second {
			pause = 100 * time.Millisecond
		}
		if process.err == nil { // it was asked to end
			continue
		}
		fmt.Fprintf(s.log, "supervisor: %s ended: %v\n", r.name, process.err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, longest)
	}
}

func (s *supervisor) launch(r *replica, wanted practice.Settings) (*child, error) {
	r.running.Store(&wanted)
	cmd := role(s.opts.Command, roleReplica)
	cmd.ExtraFiles = []*os.File{r.socket}
	cmd.Stderr = s.log
	process, err := startChild(r.name, cmd, practice.ReplicaOptions{
		Name: r.name, Index: r.index, Replicas: len(s.replicas), DSN: s.dsn, Settings: wanted, Version: releaseVersion,
	}, syscall.SIGKILL)
	if err != nil {
		return nil, err
	}
	return process, errors.Join(noteProcess(s.opts.Dir, process.pid()), s.note(r, "pid", strconv.Itoa(process.pid())))
}

// role is the command that runs our own executable as a child.
func role(command []string, name string) *exec.Cmd {
	cmd := exec.Command(command[0], append(command[1:len(command):len(command)], name)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	return cmd
}

// ready blocks until every replica answers that it takes requests.
func (s *supervisor) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for _, r := range s.replicas {
		for !answers(ctx, r.url+"/ready") {
			select {
			case <-ctx.Done():
				return fmt.Errorf("supervisor: %s is not ready after 20 s", r.name)
			case <-time.After(20 * time.Millisecond): // it cannot tell us when
			}
		}
	}
	return nil
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
