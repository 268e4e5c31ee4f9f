// Command firebreak runs runbooks: it diagnoses, asks, repairs, verifies and
// puts back. `firebreak help` tells more.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // who owns the state must not die of a reader that has gone: the write fails, and says so
	os.Exit(int(execute(context.Background(), system(), os.Args[1:])))
}
