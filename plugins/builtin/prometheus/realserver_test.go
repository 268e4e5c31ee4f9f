package prometheus

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/plugintest/daemons"
)

// startPrometheus runs a real server that scrapes the replicas, for the length
// of the test. Without the program the test is skipped, visibly.
func startPrometheus(t *testing.T, replicas ...*replica) (url string) {
	t.Helper()
	var targets []string
	for _, r := range replicas {
		targets = append(targets, strings.TrimPrefix(r.URL, "http://"))
	}
	runtime.LockOSThread() // a server dies with this thread, should the test binary be killed
	server, err := daemons.Prometheus(fmt.Sprintf("scrape_configs: [{job_name: api, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{targets: [%s]}]}]\n", strings.Join(targets, ", ")))
	t.Cleanup(server.Stop)
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("no prometheus on PATH (Debian's package prometheus): no real server was asked")
	}
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + server.Address()
}

func TestRealServer(t *testing.T) {
	a, b := newReplica(t), newReplica(t)
	url := startPrometheus(t, a, b)
	bound := bind(t, fmt.Sprintf(`{"url":%q,"selector":"job=\"api\""}`, url))
	if err := bound.Health(t.Context()); err != nil {
		t.Error(err)
	}
	eventually(t, "both replicas were scraped", func() bool {
		out, failure := answered[capability.QueryOutput](t, bound, actionQuery, `{"query":"count(pgxpool_max_conns)"}`)
		return failure == nil && out.Value != nil && *out.Value == 2
	})
	a.serve("200", 90, 0.05)
	b.serve("503", 10, 0.7)
	a.waiting.Set(30)
	a.acquired.Set(10)
	// A scrape that this machine does not make in time takes a replica away until
	// the next one.
	var pool, health string
	eventually(t, "what the replicas say was scraped", func() bool {
		p, failure := answered[capability.PoolOutput](t, bound, actionPool, `{}`)
		if failure != nil {
			pool = failure.Reason
			return false
		}
		pool = fmt.Sprintf("max %v, acquired %v, waiting %v of %d", whole(p.Now.Max), whole(p.Now.Acquired), whole(p.Now.Waiting), len(p.Replicas))
		return pool == "max 20, acquired 16, waiting 30 of 2"
	}, &pool)
	// A window far longer than the usual 5 s: the server knows no clock but the
	// machine's, and a slow one would leave the requests, which come once, behind.
	// What a window leaves out is held by TestHealth, which makes its own time.
	eventually(t, "the requests were scraped", func() bool {
		h, failure := answered[capability.HealthOutput](t, bound, actionHealth, `{"window":"10m"}`)
		switch {
		case failure != nil:
			health = failure.Reason
		case h.ErrorRate != nil:
			health = fmt.Sprintf("%d requests, %v of them failed", h.Requests, *h.ErrorRate)
		}
		return health == "100 requests, 0.1 of them failed"
	}, &health)

	if o := run(t, bound, actionQuery, `{"query":"rate("}`); o.Failure == nil || o.Failure.Class != plugins.Invalid {
		t.Errorf("parse error: %+v", o.Failure)
	}
	other := bind(t, fmt.Sprintf(`{"url":%q,"selector":"job=\"other\""}`, url))
	if o := run(t, other, actionPool, `{}`); o.Failure == nil || o.Failure.Class != plugins.NotFound {
		t.Errorf("pool of a job that is not there: %+v", o.Failure)
	}
}

// eventually waits until it holds; last is what there was instead.
func eventually(t *testing.T, what string, holds func() bool, last ...*string) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			for _, l := range last {
				t.Error(*l)
			}
			t.Fatalf("never came true: %s", what)
		}
		<-tick.C
	}
}
