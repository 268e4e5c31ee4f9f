package git

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
)

// replica answers the value it runs, and takes up the next one when asked
// for the nth time.
func replica(t *testing.T, after int64, next string) string {
	t.Helper()
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		value := "50"
		if asked.Add(1) > after {
			value = next
		}
		fmt.Fprintf(w, `{"revision": "x", "db.pool.max": %s}`, value)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func liveCall(t *testing.T, within string) plugins.Call {
	return call(t, "settings.apply", map[string]any{"setting": "db.pool.max", "value": 60, "live_within": within})
}

func TestLive(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, tt := range []struct {
		name   string
		urls   []string
		within string
		want   bool
	}{
		{"every replica follows", []string{replica(t, 0, "60"), replica(t, 3, "60.0")}, "20s", true},
		{"one stays behind", []string{replica(t, 0, "60"), replica(t, 0, "55")}, "200ms", false},
		{"one is gone", []string{replica(t, 0, "60"), gone.URL}, "200ms", false},
		{"nobody to ask", nil, "20s", false},
		{"not asked to wait", []string{replica(t, 0, "60")}, "0s", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t, true)
			out := applied(t, run(t, r.bind("live_url", tt.urls), liveCall(t, tt.within)))
			if out.Live != tt.want {
				t.Errorf("live %v, want %v", out.Live, tt.want)
			}
		})
	}
}

func TestStopEndsTheWaitNotTheChange(t *testing.T) {
	stop := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-stop:
		default:
			close(stop) // we are past the commit, in the wait
		}
		fmt.Fprint(w, `{"db.pool.max": 50}`)
	}))
	defer srv.Close()
	c := liveCall(t, "20s")
	c.Stop = stop
	if out := applied(t, run(t, newRepo(t, true).bind("live_url", []string{srv.URL}), c)); out.Live {
		t.Error("live, though the replica runs the old value")
	}
}
