package git

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/document"
)

const (
	livePoll = 25 * time.Millisecond
	maxLive  = 64 << 10
)

// live asks the replicas which value they run.
type live struct {
	urls   []string
	client *http.Client
}

// await returns true once every replica runs the value, and false when they
// do not within the time, ctx ends, or stop is closed.
func (l live) await(ctx context.Context, stop <-chan struct{}, within time.Duration, setting string, want capability.Scalar, to plugins.Stream) bool {
	if len(l.urls) == 0 || within <= 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(livePoll)
	defer tick.Stop()
	seen := -1
	for {
		running, err := l.count(ctx, setting, want)
		if running > seen {
			seen = running
			to.Progress(running, len(l.urls), fmt.Sprintf("%d of %d replicas run %s = %s", running, len(l.urls), setting, want))
		}
		if running == len(l.urls) {
			return true
		}
		select {
		case <-tick.C:
		case <-stop:
			return false
		case <-ctx.Done():
			to.Log("warn", fmt.Sprintf("%s was written, but only %d of %d replicas were seen to run it within %s: %v", setting, running, len(l.urls), within, err))
			return false
		}
	}
}

// count asks all replicas side by side; err is what kept one of them from
// counting.
func (l live) count(ctx context.Context, setting string, want capability.Scalar) (int, error) {
	errs := make([]error, len(l.urls))
	var g errgroup.Group
	g.SetLimit(16)
	for i, u := range l.urls {
		g.Go(func() error {
			v, err := l.value(ctx, u, setting)
			if err == nil && !document.Same(v, want) {
				err = fmt.Errorf("%s runs %s", u, v)
			}
			errs[i] = err
			return nil
		})
	}
	_ = g.Wait() // every error is in errs
	running := 0
	var last error
	for _, err := range errs {
		if err == nil {
			running++
		} else {
			last = err
		}
	}
	return running, last
}

func (l live) value(ctx context.Context, url, setting string) (capability.Scalar, error) {
	var v capability.Scalar
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return v, err
	}
	res, err := l.client.Do(req)
	if err != nil {
		return v, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return v, fmt.Errorf("%s answered %s", url, res.Status)
	}
	var all map[string]json.RawMessage
	if err := json.NewDecoder(io.LimitReader(res.Body, maxLive)).Decode(&all); err != nil {
		return v, fmt.Errorf("%s did not answer a JSON object: %w", url, err)
	}
	raw, ok := all[setting]
	if !ok {
		return v, nil // not there: null
	}
	err = v.UnmarshalJSON(raw)
	return v, err
}
