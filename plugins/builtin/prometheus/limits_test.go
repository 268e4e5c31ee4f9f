package prometheus

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// mute is a source, and a transport, that never answers.
type mute struct{}

func (mute) histories(ctx context.Context, _ time.Duration) ([]history, []string, error) {
	<-ctx.Done()
	return nil, nil, ctx.Err()
}

func (mute) query(ctx context.Context, _ string, _ time.Time) ([]capability.Series, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (mute) health(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (mute) close() {}

func (mute) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestUsualLimits holds how long the product waits for what never answers, by a
// clock that no machine slows down.
func TestUsualLimits(t *testing.T) {
	within := New().(plugin).within
	silent := page{client: &http.Client{Transport: mute{}}, address: "http://a/metrics", within: within.page}
	b := &bound{within: within, source: mute{}}
	for name, c := range map[string]struct {
		ask  func(ctx context.Context) error
		want time.Duration
	}{
		"pool":  {func(ctx context.Context) error { return ran(ctx, b, actionPool, `{}`) }, 2 * time.Second},
		"query": {func(ctx context.Context) error { return ran(ctx, b, actionQuery, `{"query":"up"}`) }, 2 * time.Second},
		"health": {func(ctx context.Context) error {
			return b.Health(ctx)
		}, 2 * time.Second},
		"one page": {func(ctx context.Context) error {
			_, _, err := silent.read(ctx, nil)
			return err
		}, time.Second},
		"all pages, of which one hangs": {func(ctx context.Context) error {
			hangs := &target{page: silent, changed: make(chan struct{}), wanted: make(chan struct{}, 1)}
			_, _, err := (&pages{targets: []*target{hangs}, within: within}).read(ctx)
			return err
		}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				began := time.Now()
				if err := c.ask(ctx); err == nil {
					t.Error("it was answered")
				}
				if took := time.Since(began); took != c.want {
					t.Errorf("it took %s, want %s", took, c.want)
				}
			})
		})
	}
}

// TestPageTakesItsLimit holds that a binding's pages have the limits of its
// plugin.
func TestPageTakesItsLimit(t *testing.T) {
	p := startPages(section{Targets: []string{"http://127.0.0.1:1/metrics"}, Every: capability.Duration(time.Hour)}, usualLimits())
	defer p.close()
	if p.within != usualLimits() || p.targets[0].page.within != usualLimits().page {
		t.Errorf("limits %+v, of a page %s", p.within, p.targets[0].page.within)
	}
}

func ran(ctx context.Context, b plugins.Bound, action, input string) error {
	if o := b.Run(ctx, plugins.Call{ID: "1", Action: action, Input: []byte(input)}, discard{}); o.Failure != nil {
		return o.Failure
	}
	return nil
}
