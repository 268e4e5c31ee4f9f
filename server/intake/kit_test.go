package intake_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/engine/service"
	"github.com/firebreak-ops/firebreak/server/alerts"
	"github.com/firebreak-ops/firebreak/server/intake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const config = `
sources:
  am: {kind: alertmanager, secrets: [{secret: "env:TOKEN"}]}
  pd: {kind: pagerduty, secrets: [{secret: "env:OLD"}, {secret: "env:NEW"}]}
  any:
    kind: json
    secrets: [{secret: "env:TOKEN"}]
    mapping: {identity: body.id, status: body.status, labels: {alertname: body.name, service: body.service}}
`

// answers are runbooks that answer Full, with a cooldown, Slow, without, and
// both of them Both.
var answers = map[string]string{
	"full": `alert.labels.alertname in ["Full", "Both"]` + "\n    cooldown: 10m",
	"slow": `alert.labels.alertname in ["Slow", "Both"]`,
}

func books(t *testing.T) []*runbook.Runbook {
	t.Helper()
	var all []*runbook.Runbook
	for _, name := range []string{"full", "slow"} {
		src := "firebreak: v1\nname: " + name + "\ntitle: t\nowner: sre\ninputs:\n  service: {type: string, required: true}\ntriggers:\n  - alert: " + answers[name] +
			"\n    inputs:\n      service: ${{ alert.labels.service }}\nsteps:\n  - notify: sre\n    text: ${{ inputs.service }}\n"
		b, problems := runbook.Parse(name+".yaml", []byte(src), runbook.Catalog{}, nil)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		all = append(all, b)
	}
	return all
}

// runs is a runtime that only notes what it is asked.
type runs struct {
	mu       sync.Mutex
	begun    map[int64]string // by the number of the alert
	ended    map[string]time.Time
	resolved []string
	fail     error
	lasting  bool // it does not pass by itself
	starts   int
}

func (r *runs) Begun(_ context.Context, e *intake.Entry) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begun[e.N], nil
}

func (r *runs) Start(_ context.Context, e *intake.Entry, m alerts.Match) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return "", failure{r.fail, r.lasting}
	}
	r.starts++
	r.begun[e.N] = fmt.Sprintf("%s-%d", m.Book.Name, r.starts)
	return r.begun[e.N], nil
}

type failure struct {
	error

	lasting bool
}

func (f failure) Lasting() bool { return f.lasting }

func (r *runs) Ended(_ context.Context, run string) (time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended[run], nil
}

func (r *runs) Resolved(_ context.Context, run string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resolved = append(r.resolved, run)
	return nil
}

func (r *runs) told() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.resolved, " ")
}

// shelf is the state, and can be out of order.
type shelf struct {
	*sqlite.Store

	broken atomic.Bool // nothing can be settled
}

func (s *shelf) Keep(ctx context.Context, d intake.Delivery, all []intake.Entry) (bool, error) {
	return s.KeepAlerts(ctx, sqlite.Delivery(d), stored(all))
}

func (s *shelf) Waiting(ctx context.Context, now time.Time) ([]intake.Entry, time.Time, error) {
	all, next, err := s.WaitingAlerts(ctx, now)
	return entries(all), next, err
}

var errBroken = errors.New("the state is out of order")

func (s *shelf) Settle(ctx context.Context, all []intake.Entry) error {
	if s.broken.Load() {
		return errBroken
	}
	return s.SettleAlerts(ctx, stored(all))
}

func (s *shelf) Last(ctx context.Context, cause string) (intake.Last, error) {
	c, err := s.LastOfCause(ctx, cause)
	return intake.Last(c), err
}

func stored(all []intake.Entry) []sqlite.Alert {
	var out []sqlite.Alert
	for _, e := range all {
		out = append(out, sqlite.Alert(e))
	}
	return out
}

func entries(all []sqlite.Alert) []intake.Entry {
	var out []intake.Entry
	for _, a := range all {
		out = append(out, intake.Entry(a))
	}
	return out
}

// desk is an intake under test.
type desk struct {
	*intake.Intake

	t     *testing.T
	path  string
	shelf *shelf
	runs  *runs
	now   time.Time
	clock func() time.Time // nil: it says now
	warns []error
	said  chan string // "alertname: outcome"
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{
		t: t, path: filepath.Join(t.TempDir(), "state.db"), runs: &runs{begun: map[int64]string{}, ended: map[string]time.Time{}},
		now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), said: make(chan string, 10_000),
	}
	store, err := sqlite.Open(t.Context(), d.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	d.shelf = &shelf{Store: store}
	cfg, problems := service.Parse("firebreak.yaml", []byte(config))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	matcher := alerts.NewMatcher(books(t))
	d.Intake = intake.New(intake.Config{
		Shelf: d.shelf, Runs: d.runs, Sources: cfg.Sources, Matcher: func() *alerts.Matcher { return matcher },
		Secret: func(ref string) (string, error) {
			if ref == "env:OLD" {
				return "", errors.New("there is no OLD")
			}
			return strings.ToLower(ref), nil
		},
		Told: func(_ context.Context, e *intake.Entry) {
			a, err := e.Alert()
			if err != nil {
				t.Error(err)
			}
			d.said <- a.Name() + ": " + e.Outcome
		},
		Warn: func(err error) { d.warns = append(d.warns, err) },
		Now: func() time.Time {
			if d.clock != nil {
				return d.clock()
			}
			return d.now
		},
	})
	return d
}

// post sends a body to a source and returns the status.
func (d *desk) post(source, body string, header ...string) int {
	d.t.Helper()
	r := httptest.NewRequestWithContext(d.t.Context(), http.MethodPost, "/v1/alerts/"+source, strings.NewReader(body))
	r.SetPathValue("source", source)
	r.Header.Set("Authorization", "Bearer env:token")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Code
}

// am is a body of Alertmanager with alerts written "alertname service fingerprint status minute".
func am(all ...string) string {
	var list []string
	for _, a := range all {
		w := strings.Fields(a)
		list = append(list, fmt.Sprintf(`{"status":%q,"labels":{"alertname":%q,"service":%q},"startsAt":"2026-11-22T11:%s:00Z","fingerprint":%q}`, w[3], w[0], w[1], w[4], w[2]))
	}
	return `{"version":"4","alerts":[` + strings.Join(list, ",") + `]}`
}

func (d *desk) send(all ...string) {
	d.t.Helper()
	if code := d.post("am", am(all...)); code != http.StatusAccepted {
		d.t.Fatalf("answered with %d", code)
	}
}

// decide runs the intake until nothing is left to decide, and returns what it
// came to.
func (d *desk) decide() []string {
	d.t.Helper()
	ctx, cancel := context.WithCancel(d.t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	for {
		left, _, err := d.shelf.Waiting(ctx, d.now)
		if err != nil {
			d.t.Fatal(err)
		}
		if len(left) == 0 {
			break
		}
		select {
		case err := <-done:
			cancel()
			d.t.Fatalf("it ended: %v", err)
		case <-time.After(5 * time.Millisecond): // the state cannot tell us
		}
	}
	cancel()
	if err := <-done; err != nil {
		d.t.Fatal(err)
	}
	var said []string
	for len(d.said) > 0 {
		said = append(said, <-d.said)
	}
	return said
}

// outcomes are those of all alerts that were stored, in their order.
func (d *desk) outcomes() (all []sqlite.Alert) {
	d.t.Helper()
	r, err := sqlite.Read(d.t.Context(), d.path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer r.Close()
	if all, err = r.Alerts(d.t.Context(), 0, 0); err != nil {
		d.t.Fatal(err)
	}
	return all
}
