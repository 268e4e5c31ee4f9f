package processes

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ticksPerSecond is the unit of times in /proc, the same on every Linux.
const ticksPerSecond = 100

// identity is one process, never mistaken for a later one with the same id.
type identity struct {
	pid   int
	ticks int64  // start, in ticks since the machine booted
	boot  string // which boot that was
}

// String names the process for a fingerprint; empty if there is none.
func (id identity) String() string {
	if id == (identity{}) {
		return ""
	}
	return fmt.Sprintf("%d@%d/%s", id.pid, id.ticks, id.boot)
}

// identify looks a process up in /proc. One that has ended and was not waited
// for yet does not count.
func identify(pid int) (identity, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return identity{}, fmt.Errorf("process %d is gone", pid)
	}
	if err != nil {
		return identity{}, err
	}
	// The name, in parentheses, may hold anything; the third field follows it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return identity{}, fmt.Errorf("/proc/%d/stat cannot be read: %q", pid, stat)
	}
	if state := fields[0]; state == "Z" || state == "X" {
		return identity{}, fmt.Errorf("process %d has ended", pid)
	}
	ticks, err := strconv.ParseInt(fields[19], 10, 64)
	if err != nil {
		return identity{}, fmt.Errorf("/proc/%d/stat: %w", pid, err)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return identity{}, err
	}
	return identity{pid, ticks, strings.TrimSpace(string(boot))}, nil
}

// startedAt is when the process started, to 10 ms, by today's clock.
func (id identity) startedAt() (time.Time, error) {
	now, up, err := clocks()
	if err != nil {
		return time.Time{}, fmt.Errorf("time since boot: %w", err)
	}
	age := up - time.Duration(id.ticks)*time.Second/ticksPerSecond
	return now.Add(-age).UTC().Round(time.Second / ticksPerSecond), nil
}

// clocks reads the time and the time since boot at the same moment: a few
// times, if this thread is held up in between, and the best of them counts.
func clocks() (now time.Time, up time.Duration, err error) {
	apart := time.Duration(math.MaxInt64)
	for i := 0; i < 10 && apart > time.Millisecond; i++ {
		var before, after unix.Timespec
		err := unix.ClockGettime(bootClock, &before)
		at := time.Now()
		if err = errors.Join(err, unix.ClockGettime(bootClock, &after)); err != nil {
			return now, up, err
		}
		if d := time.Duration(after.Nano() - before.Nano()); d < apart {
			now, up, apart = at, time.Duration(before.Nano()), d
		}
	}
	return now, up, nil
}

// signal reaches exactly this process: the handle is taken first and then
// compared. One that is gone is os.ErrProcessDone.
func (id identity) signal(s syscall.Signal) error {
	p, err := os.FindProcess(id.pid)
	if err != nil {
		return err
	}
	defer func() { _ = p.Release() }() // only forgets the handle
	now, err := identify(id.pid)
	if err != nil || now != id {
		return os.ErrProcessDone
	}
	return p.Signal(s)
}
