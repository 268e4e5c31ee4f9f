package processes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// replica is what a pidfile says of one replica, checked.
type replica struct {
	name      string
	pidfile   string
	pid       int
	process   identity  // zero: it does not run
	startedAt time.Time // zero: it does not run
	reason    string    // why it does not run
}

// runs says whether the replica's process is there.
func (r replica) runs() bool { return r.process != (identity{}) }

// replicas reads all pidfiles, sorted by name.
func (b *bound) replicas() ([]replica, error) {
	var all []replica
	for _, pattern := range b.pidfiles {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("pidfiles %s: %w", pattern, err)
		}
		for _, file := range files {
			all = append(all, look(file))
		}
	}
	if len(all) == 0 {
		return nil, plugins.Fail(plugins.NotFound, "no pidfile matches %s; is the service started, and is this its machine?", strings.Join(b.pidfiles, " or "))
	}
	slices.SortFunc(all, func(a, b replica) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(all); i++ {
		if all[i].name == all[i-1].name && all[i].pidfile != all[i-1].pidfile {
			return nil, plugins.Fail(plugins.Invalid, "pidfiles: %s and %s are both named %s", all[i-1].pidfile, all[i].pidfile, all[i].name)
		}
	}
	return slices.CompactFunc(all, func(a, b replica) bool { return a.pidfile == b.pidfile }), nil
}

// look reads one pidfile and the process that it names.
func look(file string) replica {
	base := filepath.Base(file)
	r := replica{name: strings.TrimSuffix(base, filepath.Ext(base)), pidfile: file}
	content, written, err := readPidfile(file)
	if err != nil {
		r.reason = err.Error()
		return r
	}
	pid, err := strconv.Atoi(strings.TrimSpace(content))
	if err != nil || pid <= 1 {
		r.reason = fmt.Sprintf("not running: %s does not hold a process id", file)
		return r
	}
	r.pid = pid
	id, err := identify(pid)
	if err != nil {
		r.reason = fmt.Sprintf("not running: %v", err)
		return r
	}
	at, err := id.startedAt()
	if err != nil {
		r.reason = err.Error()
		return r
	}
	if at.After(written.Add(clockSlack)) {
		r.reason = fmt.Sprintf("not running: process %d started after %s was written, so it is another one", pid, file)
		return r
	}
	r.process, r.startedAt = id, at
	return r
}

// clockSlack is how far the clock of files and that of processes may differ.
const clockSlack = 100 * time.Millisecond

func readPidfile(file string) (content string, written time.Time, err error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", written, fmt.Errorf("not running: %s is gone", file)
	}
	if err != nil {
		return "", written, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", written, err
	}
	buf := make([]byte, 32)
	n, err := f.Read(buf)
	if err != nil {
		return "", written, fmt.Errorf("not running: %s: %w", file, err)
	}
	return string(buf[:n]), info.ModTime(), nil
}

// fingerprint is of the set of processes that run.
func fingerprint(all []replica) string {
	running := map[string]string{}
	for _, r := range all {
		running[r.name] = r.process.String()
	}
	return plugins.Fingerprint(running)
}
