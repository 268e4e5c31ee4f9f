package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// practiceVerb makes the test binary play a sandbox's child.
const practiceVerb = "practice"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == practiceVerb {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		if err := RunRole(ctx, os.Args[2], os.Stdin, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		stop()
		os.Exit(0)
	}
	os.Exit(m.Run())
}
