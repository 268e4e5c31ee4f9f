package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// Verbs of the test binary: it plays a sandbox's child, or a drill that does
// nothing but hold a sandbox.
const (
	practiceVerb = "practice"
	holdVerb     = "hold"
)

func TestMain(m *testing.M) {
	if len(os.Args) != 3 {
		os.Exit(m.Run())
	}
	var err error
	switch os.Args[1] {
	case practiceVerb:
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		err = RunRole(ctx, os.Args[2], os.Stdin, os.Stdout, os.Stderr)
		stop()
	case holdVerb:
		err = hold(os.Args[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// hold keeps a sandbox in dir until it is interrupted.
func hold(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	// As the product does: the executable that runs, not the one now on disk.
	s, err := Start(ctx, Options{Seed: 1, Dir: dir, Command: []string{"/proc/self/exe", practiceVerb}})
	if err != nil {
		return err
	}
	fmt.Println(s.Dir())
	<-ctx.Done()
	return s.Stop()
}
