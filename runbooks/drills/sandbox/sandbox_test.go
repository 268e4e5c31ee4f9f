package sandbox

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/engine/service"
)

// begin starts a sandbox that ends with the test.
func begin(t *testing.T, opts Options) *Sandbox {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	opts.Command = []string{exe, practiceVerb}
	s, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func get(ctx context.Context, t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// A sandbox is worth what is real in it: one test walks through all of it.
func TestSandbox(t *testing.T) {
	s := begin(t, Options{Seed: 3, Rate: 50})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	t.Run("the configuration is one that firebreak reads", func(t *testing.T) {
		text, err := s.ServiceConfig()
		if err != nil {
			t.Fatal(err)
		}
		config, problems := service.Parse("firebreak.yaml", []byte(text))
		if len(problems) > 0 {
			t.Fatalf("%v", problems)
		}
		if !config.InRole(Approver, "sre-oncall") {
			t.Error("the approver may not approve")
		}
	})

	t.Run("the metrics page has the agreed names", func(t *testing.T) {
		names := regexp.MustCompile(`(?m)^# TYPE (\S+ \S+)$`).FindAllStringSubmatch(get(ctx, t, s.up.URLs[0]+"/metrics"), -1)
		var got []string
		for _, m := range names {
			got = append(got, m[1])
		}
		slices.Sort(got)
		want := []string{
			"db_query_duration_seconds histogram", "http_first_attempts_total counter", "http_inflight gauge",
			"http_request_duration_seconds histogram", "http_requests_total counter", "pgxpool_acquire_duration_seconds histogram",
			"pgxpool_acquire_timeouts_total counter", "pgxpool_acquired_conns gauge", "pgxpool_constructing_conns gauge",
			"pgxpool_hold_duration_seconds histogram", "pgxpool_idle_conns gauge", "pgxpool_max_conns gauge",
			"pgxpool_new_conns_total counter", "pgxpool_waiting gauge",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	})

	t.Run("the reading login reads statistics and nothing else", func(t *testing.T) {
		conn, err := pgx.Connect(ctx, s.up.ReadDSN)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		var sessions int
		if err := conn.QueryRow(ctx, `select count(*) from pg_stat_activity where usename = 'app' and query <> '<insufficient privilege>'`).Scan(&sessions); err != nil || sessions < 10 {
			t.Errorf("sees %d sessions of the service, %v", sessions, err)
		}
		if _, err := conn.Exec(ctx, "delete from orders"); err == nil {
			t.Error("it may delete")
		}
	})

	t.Run("a pushed setting is live on every replica", func(t *testing.T) {
		since, err := s.Inject(ctx, 20, 3)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Live(ctx, 20, since); err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, url := range s.up.URLs {
			if running := get(ctx, t, url+"/admin/settings"); !strings.Contains(running, `"db.pool.max":20`) {
				t.Errorf("runs %s", running)
			}
			share := regexp.MustCompile(`(?m)^pgxpool_max_conns (\d+)$`).FindStringSubmatch(get(ctx, t, url+"/metrics"))
			n, err := strconv.Atoi(share[1])
			if err != nil {
				t.Fatal(err)
			}
			total += n
		}
		if total != 20 {
			t.Errorf("the shares add up to %d", total)
		}
	})

	t.Run("an ended replica comes back under a new pid, at its address, with the settings", func(t *testing.T) {
		file := filepath.Join(s.Dir(), runDir, "api-1.pid")
		before := pidIn(t, file)
		if err := syscall.Kill(before, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		for pidIn(t, file) == before {
			if ctx.Err() != nil {
				t.Fatal("it does not come back")
			}
			<-time.After(10 * time.Millisecond) // another process's doing: it has to be polled
		}
		for !strings.Contains(get(ctx, t, s.up.URLs[0]+"/ready"), `"ready":true`) {
			if ctx.Err() != nil {
				t.Fatal("it does not get ready")
			}
			<-time.After(10 * time.Millisecond) // another process's doing: it has to be polled
		}
		if running := get(ctx, t, s.up.URLs[0]+"/admin/settings"); !strings.Contains(running, `"db.pool.max":20`) {
			t.Errorf("came back with %s", running)
		}
	})

	t.Run("a settings change that makes no sense stays out", func(t *testing.T) {
		_, text, err := s.past.head()
		if err != nil {
			t.Fatal(err)
		}
		if text, err = set(text, PoolSetting, "2"); err != nil {
			t.Fatal(err)
		}
		if err := s.past.push([]commit{{author: "x", title: "too few", text: text, at: time.Now()}}); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		if _, err := s.Live(short, 2, time.Time{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it went live: %v", err)
		}
	})

	t.Run("stopping twice is stopping once, and what waits is told", func(t *testing.T) {
		waiting := make(chan error)
		go func() { _, err := s.Live(ctx, 7, time.Time{}); waiting <- err }()
		if err := errors.Join(s.Stop(), s.Stop()); err != nil {
			t.Error(err)
		}
		if err := <-waiting; err == nil {
			t.Error("still waiting")
		}
		if _, err := os.Stat(s.Dir()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder is still there: %v", err)
		}
	})
}

func pidIn(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestStartNeedsACommand(t *testing.T) {
	if _, err := Start(t.Context(), Options{}); err == nil {
		t.Error("it started without")
	}
}

func TestUnknownRole(t *testing.T) {
	if err := RunRole(t.Context(), "cook", strings.NewReader("{}"), io.Discard, io.Discard); err == nil {
		t.Error("an unknown role was taken")
	}
}
