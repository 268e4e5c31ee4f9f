package prometheus

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// startPrometheus runs a real server that scrapes the replicas, for the length
// of the test. Without the program the test is skipped, visibly.
func startPrometheus(t *testing.T, replicas ...*replica) (url string) {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("no prometheus on PATH (Debian's package prometheus): no real server was asked")
	}
	var targets []string
	for _, r := range replicas {
		targets = append(targets, strings.TrimPrefix(r.URL, "http://"))
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("scrape_configs: [{job_name: api, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{targets: [%s]}]}]\n", strings.Join(targets, ", "))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	cmd := exec.Command(program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	cmd.Stdout, cmd.Stderr = log, log
	// It dies with this thread, should the test binary be killed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	url = "http://" + address
	eventually(t, "the server is ready", func() bool {
		res, err := http.Get(url + "/-/ready")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return url
}

func TestRealServer(t *testing.T) {
	a, b := newReplica(t), newReplica(t)
	url := startPrometheus(t, a, b)
	bound := bind(t, fmt.Sprintf(`{"url":%q,"selector":"job=\"api\""}`, url))
	if err := bound.Health(t.Context()); err != nil {
		t.Error(err)
	}
	eventually(t, "both replicas were scraped", func() bool {
		out := answer[capability.QueryOutput](t, bound, actionQuery, `{"query":"count(pgxpool_max_conns)"}`)
		return out.Value != nil && *out.Value == 2
	})
	a.serve("200", 90, 0.05)
	b.serve("503", 10, 0.7)
	a.waiting.Set(30)
	a.acquired.Set(10)
	eventually(t, "the queue was scraped", func() bool {
		out := answer[capability.QueryOutput](t, bound, actionQuery, `{"query":"sum(pgxpool_waiting) + sum(http_requests_total)"}`)
		return out.Value != nil && *out.Value == 130
	})
	out := answer[capability.PoolOutput](t, bound, actionPool, `{}`)
	near(t, "max", whole(out.Now.Max), 20, 0)
	near(t, "acquired", whole(out.Now.Acquired), 16, 0)
	near(t, "waiting", whole(out.Now.Waiting), 30, 0)
	if len(out.Replicas) != 2 {
		t.Errorf("replicas %+v", out.Replicas)
	}
	health := answer[capability.HealthOutput](t, bound, actionHealth, `{"window":"30s"}`)
	near(t, "requests", float64(health.Requests), 100, 0)
	near(t, "error rate", *health.ErrorRate, 0.1, 0)

	if o := run(t, bound, actionQuery, `{"query":"rate("}`); o.Failure == nil || o.Failure.Class != plugins.Invalid {
		t.Errorf("parse error: %+v", o.Failure)
	}
	other := bind(t, fmt.Sprintf(`{"url":%q,"selector":"job=\"other\""}`, url))
	if o := run(t, other, actionPool, `{}`); o.Failure == nil || o.Failure.Class != plugins.NotFound {
		t.Errorf("pool of a job that is not there: %+v", o.Failure)
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
		<-tick.C
	}
}
