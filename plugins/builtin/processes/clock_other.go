//go:build !linux

package processes

import "golang.org/x/sys/unix"

// bootClock is never read where there is no /proc to compare it with.
const bootClock = unix.CLOCK_MONOTONIC
