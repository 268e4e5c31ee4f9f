package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// helper returns what this process does when a test of this package has
// started it, and nil otherwise.
func helper() func() {
	path := os.Getenv("FIREBREAK_TEST_STATE")
	switch os.Getenv("FIREBREAK_TEST_HELPER") {
	case "append":
		return func() { appendForever(path) }
	case "fill":
		return func() { appendUntilFull(path) }
	case "nobody":
		return func() { openAsNobody(path) }
	default:
		return nil
	}
}

// start runs this test binary as one of the helpers. It dies with the test.
func start(t *testing.T, what, path string) (*exec.Cmd, io.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "FIREBREAK_TEST_HELPER="+what, "FIREBREAK_TEST_STATE="+path)
	cmd.SysProcAttr = dieWithParent()
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// appendForever says the number of every record of 8 runs as soon as it is
// acknowledged.
func appendForever(path string) {
	ctx := context.Background()
	s, err := Open(ctx, path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	if _, err := s.Own(ctx, true); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	for run := range 8 {
		go func() {
			for n := 1; ; n++ {
				if err := s.Append(ctx, batch(fmt.Sprint("r", run), n)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				fmt.Printf("r%d %d\n", run, n)
			}
		}()
	}
	select {}
}

// Nothing that was acknowledged is lost when the owner is killed, whatever it
// is doing, and the next owner gets the file at once.
func TestKilledOwnerLosesNothing(t *testing.T) {
	path := file(t)
	for round := range 3 {
		round = 200 * (round + 1)
		if err := removeAll(path); err != nil {
			t.Fatal(err)
		}
		cmd, out := start(t, "append", path)
		said := map[string]int{}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if n == round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			var run string
			var seq int
			if _, err := fmt.Sscanf(lines.Text(), "%s %d", &run, &seq); err != nil {
				continue // the last line may be cut
			}
			said[run] = seq
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) {
			t.Fatalf("the owner ended by itself: %v", err)
		}
		if len(said) == 0 {
			t.Fatal("the owner acknowledged nothing")
		}
		s := open(t, path)
		for run, n := range said {
			recs, err := s.Load(t.Context(), run, 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(recs) < n || recs[len(recs)-1].Seq != len(recs) {
				t.Errorf("%s: %d records, the last %d; %d were acknowledged", run, len(recs), recs[len(recs)-1].Seq, n)
			}
		}
		if tenure, err := s.Own(t.Context(), true); err != nil || tenure.Generation != 2 || len(tenure.Gaps) != 1 {
			t.Errorf("the next tenure is %+v, %v", tenure, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func removeAll(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		if err := os.RemoveAll(path + suffix); err != nil {
			return err
		}
	}
	return nil
}

// fill appends until that fails and returns how much was acknowledged, and
// the error.
func fill(ctx context.Context, s *Store) (n int, err error) {
	for n = 1; ; n++ {
		b := batch("r", n)
		bytes := []byte(strings.Repeat(fmt.Sprint(n), 2000))
		b.Pins = []local.Pin{{Digest: local.Digest(bytes), Bytes: bytes}}
		if err := s.Append(ctx, b); err != nil {
			return n - 1, err
		}
	}
}

// appendUntilFull is the same in a process that may only write small files.
func appendUntilFull(path string) {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		fmt.Println("limit:", err)
		return
	}
	s, err := Open(context.Background(), path)
	if err != nil {
		fmt.Println("open:", err)
		return
	}
	n, err := fill(context.Background(), s)
	if known, ok := errors.AsType[*local.Error](err); ok {
		fmt.Printf("%d %s %s\n", n, known.Class(), known.Hint())
	} else {
		fmt.Println("not ours:", err)
	}
}

func TestFileTooLarge(t *testing.T) {
	path := file(t)
	cmd, out := start(t, "fill", path)
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	var n int
	var class, hint string
	if _, err := fmt.Sscanf(string(text), "%d %s %s", &n, &class, &hint); err != nil || n == 0 || class != local.ClassJournal {
		t.Fatalf("the owner said %q", text)
	}
	recs, err := open(t, path).Load(t.Context(), "r", 0)
	if err != nil || len(recs) != n {
		t.Errorf("%d records, %v; %d were acknowledged", len(recs), err, n)
	}
}
