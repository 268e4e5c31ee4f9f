package local_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
)

// BenchmarkRun measures runs of ten reads that do nothing, on a durable
// journal: one at a time, and 32 at once.
func BenchmarkRun(b *testing.B) {
	var book strings.Builder
	book.WriteString("firebreak: v1\nname: ten\ntitle: Ten reads\nowner: sre\ninputs:\n  service: {type: service, required: true}\n" +
		"service: ${{ inputs.service }}\nsteps:\n")
	for range 10 {
		book.WriteString("  - uses: metrics.pool\n")
	}
	src := []byte(book.String())
	for _, at := range []int{1, 32} {
		b.Run(fmt.Sprint(at), func(b *testing.B) {
			store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "state.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			rt, err := local.Open(b.Context(), local.Config{
				Journal: store, State: store, Executor: target{b.TempDir(), func(string) {}}, Book: local.ParseForTests(),
			})
			if err != nil {
				b.Fatal(err)
			}
			defer rt.Close(b.Context())
			took := make([][]time.Duration, at)
			var wg sync.WaitGroup
			b.ResetTimer()
			for i := range at {
				wg.Go(func() {
					for n := i; n < b.N; n += at {
						began := time.Now()
						if err := one(b.Context(), rt, src); err != nil {
							b.Error(err)
							return
						}
						took[i] = append(took[i], time.Since(began))
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			all := slices.Concat(took...)
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds())/10, "p50-µs/step")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/10, "p99-µs/step")
			b.ReportMetric(float64(10*b.N)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}

func one(ctx context.Context, rt *local.Runtime, src []byte) error {
	id, err := rt.Start(ctx, engine.Facts{
		Runbook: "ten", Service: "api", Inputs: map[string]json.RawMessage{"service": json.RawMessage(`"api"`)},
		Pins: engine.Pins{Runbook: local.Digest(src)},
	}, src)
	if err != nil {
		return err
	}
	recs, err := rt.Watch(ctx, id, 1)
	if err != nil {
		return err
	}
	for range recs { // until the run has settled
	}
	return nil
}
