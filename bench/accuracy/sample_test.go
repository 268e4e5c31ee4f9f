package accuracy

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins/builtin/diagnose"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// TestSample breaks a server for real, twice. What is read must be whole, and
// nothing wrong may be said of it; how early, and how often right, is measured
// by make accuracy.
func TestSample(t *testing.T) {
	runtime.LockOSThread() // the servers die with the thread that started them
	for _, f := range faults {
		if f.name != "prepared transaction" && f.name != "healthy" {
			continue
		}
		looks, err := trial(f, 1)
		if errors.Is(err, exec.ErrNotFound) {
			t.Skip("no PostgreSQL on this machine: nothing was tested")
		}
		if err != nil && !errors.Is(err, errNoOnset) {
			t.Fatal(err)
		}
		if err != nil {
			continue // a machine too busy to show it
		}
		r := looks[0]
		if r.late.Pool == nil || r.late.Database == nil {
			t.Fatalf("%s: not all was read: %+v", f.name, r.late)
		}
		if top := diagnose.Connections(r.late.DiagnoseInput).Top.Cause; top != f.cause && top != capability.UnknownCause {
			t.Errorf("%s: it says %s", f.name, top)
		}
		dir := t.TempDir()
		if err := r.keep(dir); err != nil {
			t.Fatal(err)
		}
		again, err := kept(dir)
		if err != nil || len(again) != 1 {
			t.Fatalf("%d kept: %v", len(again), err)
		}
		var text bytes.Buffer
		report(&text, again)
		if !strings.Contains(text.String(), "all sources, one timeout after: first ") {
			t.Errorf("the report says %s", text.String())
		}
	}
}

func TestWilson(t *testing.T) {
	low, high := wilson(46, 46)
	if low < 0.92 || low > 0.93 || high < 0.999 {
		t.Errorf("46 of 46 lie between %.3f and %.3f", low, high)
	}
	if low, high := wilson(0, 0); low != 0 || high != 1 {
		t.Errorf("nothing lies between %.3f and %.3f", low, high)
	}
}

func TestKeptNothing(t *testing.T) {
	dir := t.TempDir() + "/x-early"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/snapshot.json", []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := kept(dir[:len(dir)-len("/x-early")]); err == nil {
		t.Error("a snapshot without a cause was judged")
	}
}
