package local_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// world carries commands out in the suite's fake world. What never answers
// there is waited for until nobody wants the answer any more.
type world struct{ do enginetest.Do }

func (w world) Do(ctx context.Context, _ local.RunInfo, cmd engine.Command) engine.Input {
	in := w.do(cmd)
	if in == nil {
		<-ctx.Done()
	}
	return in
}

// TestSuite holds the runtime, on its journal on disk, to what every runtime
// must pass.
func TestSuite(t *testing.T) {
	enginetest.RunSuite(t, func(t *testing.T, do enginetest.Do) enginetest.Runtime {
		store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		rt, err := local.Open(t.Context(), local.Config{Journal: store, State: store, Executor: world{do}, Book: pinned})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			gone, cancel := context.WithCancel(context.Background())
			cancel() // what never answers is not waited for
			_ = rt.Close(gone)
		})
		return rt
	})
}

func pinned(src []byte) (*runbook.Runbook, error) {
	book, problems := runbook.Parse("suite.yaml", src, enginetest.Catalog(), nil)
	if len(problems) > 0 {
		return nil, fmt.Errorf("the suite's runbook: %s", problems[0])
	}
	return book, nil
}
