package main

import (
	"os"
	"os/signal"
	"syscall"
)

// endings are the signals on which this process ends and leaves runs to the
// next owner: SIGTERM, and SIGHUP, which a terminal sends that is closed or
// lost. One that whoever began this process has it ignore, as nohup does, is
// none.
func endings() []os.Signal {
	all := []os.Signal{syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}
