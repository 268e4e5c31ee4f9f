package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// The alert's rule, on the sum over the replicas: the pool is used up, at least
// a quarter of it is waited for, and those who got a connection since the last
// look had waited for it. Errors come seconds later and are not asked.
const (
	alertEvery   = 100 * time.Millisecond
	alertUsed    = 0.9
	alertWaiting = 0.25
	alertWait    = 25 * time.Millisecond
	alertLooks   = 2 // in a row
)

// look is one scrape of all replicas' own metrics pages.
type look struct {
	max, acquired, waiting float64
	waited, acquires       float64 // seconds and count since the replicas' start
}

func (l look) exhausted(before look) bool {
	acquires := l.acquires - before.acquires
	return l.max > 0 && l.acquired >= alertUsed*l.max && l.waiting >= alertWaiting*l.max &&
		acquires > 0 && (l.waited-before.waited)/acquires >= alertWait.Seconds()
}

// Alert blocks until the service's own metrics say that its pool is exhausted,
// and returns when they did.
func (s *Sandbox) Alert(ctx context.Context) (time.Time, error) {
	ticker := time.NewTicker(alertEvery)
	defer ticker.Stop()
	client := &http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	before, bad := s.look(ctx, client), 0
	for {
		select {
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("no alert: %w", ctx.Err())
		case <-s.host.done:
			return time.Time{}, fmt.Errorf("no alert: the sandbox has ended")
		case <-ticker.C:
		}
		now := s.look(ctx, client)
		if now.exhausted(before) {
			bad++
		} else {
			bad = 0
		}
		if bad == alertLooks {
			return time.Now().UTC(), nil
		}
		before = now
	}
}

// look scrapes the replicas side by side; one that does not answer is left out.
func (s *Sandbox) look(ctx context.Context, client *http.Client) look {
	var (
		sum     look
		mu      sync.Mutex
		scrapes sync.WaitGroup
	)
	for _, url := range s.up.URLs {
		scrapes.Go(func() {
			page, err := scrape(ctx, client, url+"/metrics")
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			sum.max += gauge(page["pgxpool_max_conns"])
			sum.acquired += gauge(page["pgxpool_acquired_conns"])
			sum.waiting += gauge(page["pgxpool_waiting"])
			for _, m := range page["pgxpool_acquire_duration_seconds"].GetMetric() {
				sum.waited += m.GetHistogram().GetSampleSum()
				sum.acquires += float64(m.GetHistogram().GetSampleCount())
			}
		})
	}
	scrapes.Wait()
	return sum
}

func gauge(f *dto.MetricFamily) (sum float64) {
	for _, m := range f.GetMetric() {
		sum += m.GetGauge().GetValue()
	}
	return sum
}

func scrape(ctx context.Context, client *http.Client, url string) (map[string]*dto.MetricFamily, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(resp.Body)
}
