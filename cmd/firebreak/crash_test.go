package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// crashEnv makes the owner kill itself with SIGKILL: before:N just before its
// Nth transaction, after:N when that is durable and nothing has come of it.
const crashEnv = "FIREBREAK_TEST_CRASH"

// crash is a journal that kills the process at one of its transactions.
type crash struct {
	local.Journal
	after bool
	at    int

	mu sync.Mutex
	n  int
}

func newCrash(j local.Journal, spec string) *crash {
	when, n, _ := strings.Cut(spec, ":")
	at, err := strconv.Atoi(n)
	if err != nil || when != "before" && when != "after" {
		panic(crashEnv + "=" + spec)
	}
	return &crash{Journal: j, after: when == "after", at: at}
}

func (c *crash) Append(ctx context.Context, b local.Batch) error {
	c.mu.Lock()
	c.n++
	mine := c.n == c.at
	c.mu.Unlock()
	if mine && !c.after {
		die()
	}
	err := c.Journal.Append(ctx, b)
	if mine && err == nil {
		die()
	}
	return err
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
