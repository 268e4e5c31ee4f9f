package practice

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	attemptHeader  = "X-Attempt"
	attemptTimeout = 5 * time.Second // beyond the service's own acquire timeout
	retries        = 3
)

// LoadOptions describe the load on the service.
type LoadOptions struct {
	Targets []string `json:"targets"` // base URLs of the replicas, asked in turn
	Rate    float64  `json:"rate"`    // requests a second, whatever becomes of them
	Seed    uint64   `json:"seed"`
	Orders  int      `json:"orders"` // ids 1 .. Orders exist
}

// load is an open loop: requests are sent when they are due, not when earlier
// ones have ended, so a slow service does not get an easier life.
type load struct {
	opts   LoadOptions
	client *http.Client
	next   atomic.Uint64 // the replica's turn
	tally  *tally
}

// RunLoad sends requests until ctx ends, then writes what is complete and
// returns nil. It blocks, and writes one JSON line with a [Bucket] to out when
// its last request is decided, so not always in order of time.
func RunLoad(ctx context.Context, opts LoadOptions, out io.Writer) error {
	if len(opts.Targets) == 0 || opts.Rate <= 0 || opts.Orders <= 0 {
		return fmt.Errorf("load: needs targets, a rate and orders to ask for; got %+v", opts)
	}
	transport := &http.Transport{
		MaxIdleConnsPerHost: 1024, IdleConnTimeout: time.Minute, DisableCompression: true,
		DialContext: (&net.Dialer{Timeout: attemptTimeout}).DialContext,
	}
	defer transport.CloseIdleConnections()
	l := &load{
		opts:   opts,
		client: &http.Client{Transport: transport, Timeout: attemptTimeout},
		tally:  newTally(json.NewEncoder(out)),
	}
	return l.run(ctx)
}

func (l *load) run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	start := time.Now()
	plan := rand.New(rand.NewPCG(l.opts.Seed, 0)) //nolint:gosec // repeatable on purpose
	gap := float64(time.Second) / l.opts.Rate
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := uint64(0); ; n++ {
		// Evenly spaced with half a gap of jitter: the rate is exact.
		due := start.Add(time.Duration((float64(n) + plan.Float64()/2) * gap))
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return l.tally.err()
			}
		} else if ctx.Err() != nil {
			return l.tally.err()
		}
		id := 1 + plan.IntN(l.opts.Orders)
		l.tally.begin(due)
		running.Go(func() { l.request(ctx, n, due, id) })
	}
}

// request is one first attempt and its retries.
func (l *load) request(ctx context.Context, n uint64, due time.Time, id int) {
	luck := rand.New(rand.NewPCG(l.opts.Seed, n+1)) //nolint:gosec // repeatable on purpose
	ok, attempts := false, 0
	for attempts <= retries {
		attempts++
		var pause time.Duration
		ok, pause = l.attempt(ctx, attempts, id)
		if ok || attempts > retries {
			break
		}
		// Up to a second of jitter on what the server asked for, at least 0.1 s.
		if !sleep(ctx, pause+100*time.Millisecond+time.Duration(luck.Int64N(int64(jitter(pause))))) {
			return // the load ends: what is undecided is not counted
		}
	}
	if !ok && ctx.Err() != nil {
		return
	}
	l.tally.end(due, ok, attempts, time.Since(due))
}

func jitter(asked time.Duration) time.Duration {
	if asked > 0 {
		return time.Second
	}
	return 200 * time.Millisecond
}

// attempt asks the next replica once. When it was told when to come back, it
// returns that pause.
func (l *load) attempt(ctx context.Context, attempt, id int) (ok bool, pause time.Duration) {
	target := l.opts.Targets[l.next.Add(1)%uint64(len(l.opts.Targets))]
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/orders/%d", target, id), http.NoBody)
	if err != nil {
		return false, 0
	}
	req.Header.Set(attemptHeader, fmt.Sprint(attempt))
	resp, err := l.client.Do(req)
	if err != nil {
		return false, 0
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return false, 0
	}
	if resp.StatusCode == http.StatusServiceUnavailable {
		if after, err := time.ParseDuration(resp.Header.Get("Retry-After") + "s"); err == nil {
			return false, after
		}
	}
	return resp.StatusCode == http.StatusOK, 0
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
