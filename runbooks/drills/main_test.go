package drills

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"

	"github.com/firebreak-ops/firebreak/runbooks/drills/sandbox"
)

// practiceVerb makes the test binary play a sandbox's child.
const practiceVerb = "practice"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == practiceVerb {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		if err := sandbox.RunRole(ctx, os.Args[2], os.Stdin, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		stop()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// command runs the test binary as a sandbox's child. Under the race detector it
// builds one without: instrumented children would need more than two cores to
// be healthy, and package sandbox has its own tests with them.
func command(t testing.TB) []string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		exe = filepath.Join(t.TempDir(), "child")
		if said, err := exec.Command("go", "test", "-c", "-o", exe, ".").CombinedOutput(); err != nil {
			t.Fatalf("build the sandbox's child: %v\n%s", err, said)
		}
	}
	return []string{exe, practiceVerb}
}

func shipped(t testing.TB) *Scenario {
	t.Helper()
	s, err := Shipped("inc-2024-0715")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// folder is a temporary one that the database's user may enter, unlike the
// test's own.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "drill-test-") //nolint:usetesting // as said
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}
