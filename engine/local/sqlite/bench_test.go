package sqlite

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkAppend measures one durable record, alone and with 32 runs at
// once.
func BenchmarkAppend(b *testing.B) {
	for _, runs := range []int{1, 32} {
		b.Run(fmt.Sprint(runs), func(b *testing.B) {
			s := open(b, file(b))
			took := make([][]time.Duration, runs)
			var wg sync.WaitGroup
			b.ResetTimer()
			for run := range runs {
				n := b.N / runs
				if run < b.N%runs {
					n++
				}
				wg.Go(func() {
					for i := 1; i <= n; i++ {
						start := time.Now()
						if err := s.Append(b.Context(), batch(fmt.Sprint(run), i)); err != nil {
							b.Error(err)
							return
						}
						took[run] = append(took[run], time.Since(start))
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			all := slices.Concat(took...)
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
		})
	}
}
