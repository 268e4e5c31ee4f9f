package processes

import "golang.org/x/sys/unix"

// bootClock counts from the boot on, also while the machine sleeps, as the
// start times in /proc do.
const bootClock = unix.CLOCK_BOOTTIME
