package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	core "github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
)

// answering is a runbook that an alert starts: one run for each n.
const answering = `firebreak: v1
name: answer
title: A part of the benchmark
owner: bench
inputs:
  n: {type: string, required: true}
triggers:
  - alert: alert.labels.alertname == "Bench"
    inputs: {n: "${{ alert.labels.n }}"}
    cooldown: 0s
steps:
  - uses: bench.read
    with:
      n: ${{ inputs.n }}
`

// source is what takes the alerts of the benchmark, in firebreak.yaml.
const source = "sources:\n  am: {kind: alertmanager, secrets: [{secret: %q}]}\n"

const password = "bench"

// between is how long after one alert the next is sent, whatever became of
// that one: no answer is waited for, so that a slow one delays no other.
const between = 100 * time.Millisecond

// load is what goes on while alerts come.
type load struct {
	name         string
	runs         int
	milliseconds int     // that each of their steps takes
	most         float64 // that the p99 should be, ms; 0: no goal
}

// measureAlerts measures how long it takes from when an alert is sent to a
// daemon until the plugin sees the first call of the run that it starts, when
// nothing else goes on and beside many runs, and one durable commit on the same
// disk meanwhile.
func measureAlerts(ctx context.Context, p *product, s sizes, r *report) error {
	side, err := openSide(ctx, p.state("side"))
	if err != nil {
		return err
	}
	for _, l := range []load{
		{name: "idle", most: 50},
		{name: fmt.Sprintf("%d runs, a step of each a second", s.beside), runs: s.beside, milliseconds: 1000, most: 250},
		{name: fmt.Sprintf("%d runs without a pause", s.beside), runs: s.beside, milliseconds: 0},
	} {
		took, commits, err := p.alerts(ctx, side, s.alerts, l)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", l.name, err), side.close())
		}
		name := "alert to first call, " + l.name
		high, commit := quantile(took, 0.99), quantile(commits, 0.99)
		r.add(name+", p50", "ms", []float64{median(took)}, goal{})
		r.add(name+", p99", "ms", []float64{high}, goal{most: l.most})
		r.add("a commit meanwhile, "+l.name+", p99", "ms", []float64{commit}, goal{})
		r.add("alert to first call in commits, "+l.name+", p99 by p99", "x", []float64{high / commit}, goal{})
	}
	return side.close()
}

// alerts starts a daemon, and runs beside which alerts come, and returns how
// long each took, and commits meanwhile (ms).
func (p *product) alerts(ctx context.Context, side *side, n int, l load) (took, commits []float64, err error) {
	o, url, err := p.serve(ctx, fmt.Sprintf("alerts%d-%d", l.runs, l.milliseconds))
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, o.kill()) }()
	// One that says nothing of speed: it warms what the first of a daemon meets.
	if _, err := p.answered(ctx, o, url, side, 0, 1); err != nil {
		return nil, nil, err
	}
	running := make([]string, l.runs)
	for i := range running {
		if running[i], err = o.begin(ctx, reads(2000, l.milliseconds)); err != nil {
			return nil, nil, err
		}
	}
	if err := p.firsts(ctx, o, time.Time{}, running, nil); err != nil {
		return nil, nil, err
	}
	done, err := p.answered(ctx, o, url, side, 1, n)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range running { // all of it was measured beside them
		v, err := o.Run(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		if v.Phase == core.PhaseEnded {
			return nil, nil, fmt.Errorf("run %s has ended meanwhile: %w", id, o.why(ctx, id))
		}
	}
	return done.took, done.commits, nil
}

// times are what one phase measured, in ms.
type times struct{ took, commits []float64 }

// answered sends so many alerts, and waits for the first call of each one's
// run. Between them it commits.
func (p *product) answered(ctx context.Context, o *owner, url string, side *side, from, n int) (t times, err error) {
	sent := map[string]time.Time{}
	g, gctx := errgroup.WithContext(ctx)
	tick := time.NewTicker(between)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		name := fmt.Sprintf("%d", from+i)
		sent[name] = time.Now()
		g.Go(func() error { return post(gctx, url, name) })
		commit, err := side.commit(ctx)
		if err != nil {
			return t, err
		}
		t.commits = append(t.commits, ms(commit))
	}
	if err := g.Wait(); err != nil {
		return t, err
	}
	var began map[string]time.Time // by run, of those that alerts have started
	err = o.until(ctx, 50*time.Millisecond, func(ctx context.Context) bool {
		all, err := o.Alerts(ctx, n)
		if err != nil {
			return false
		}
		began = map[string]time.Time{}
		for _, a := range all {
			if at, ok := sent[a.Labels["n"]]; ok && a.Run != "" {
				began[a.Run] = at
			}
		}
		return len(began) == n
	})
	if err != nil {
		return t, err
	}
	runs := make([]string, 0, n)
	for run := range began {
		runs = append(runs, run)
	}
	if err := p.firsts(ctx, o, time.Time{}, runs, nil); err != nil {
		return t, err
	}
	calls, err := p.called(time.Time{})
	if err != nil {
		return t, err
	}
	seen := map[string]bool{}
	for _, c := range calls {
		if at, ok := began[c.run]; ok && !seen[c.run] {
			seen[c.run] = true
			t.took = append(t.took, ms(c.at.Sub(at)))
		}
	}
	return t, nil
}

// serve makes a daemon of a state without runs, which takes alerts at an
// address.
func (p *product) serve(ctx context.Context, name string) (o *owner, url string, err error) {
	dir := filepath.Join(p.dir, name)
	config, err := os.ReadFile(p.config)
	if err != nil {
		return nil, "", err
	}
	secret := filepath.Join(dir, "secret")
	config = append(config, fmt.Sprintf(source, "file:"+secret)...)
	if err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "runbooks"), 0o700),
		os.WriteFile(filepath.Join(dir, "runbooks", "answer.yaml"), []byte(answering), 0o600),
		os.WriteFile(filepath.Join(dir, "firebreak.yaml"), config, 0o600),
		os.WriteFile(secret, []byte(password), 0o600),
	); err != nil {
		return nil, "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	address := l.Addr().String() // free, as nobody else asks for one here
	if err := l.Close(); err != nil {
		return nil, "", err
	}
	o, err = p.start(ctx, p.state(name), filepath.Join(dir, "firebreak.yaml"), "serve", "--runbooks", filepath.Join(dir, "runbooks"), "--listen", address)
	if err != nil {
		return nil, "", err
	}
	url = "http://" + address + "/v1/alerts/am"
	return o, url, o.until(ctx, 10*time.Millisecond, func(ctx context.Context) bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/v1/ready", http.NoBody)
		if err != nil {
			return false
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// post sends one alert as Alertmanager does, and fails unless it is taken.
func post(ctx context.Context, url, n string) error {
	body := fmt.Sprintf(`{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"Bench","n":%q},"startsAt":%q,"fingerprint":%q}]}`,
		n, time.Now().UTC().Format(time.RFC3339), n)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+password)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusAccepted {
		return fmt.Errorf("alert %s was answered with %s", n, res.Status)
	}
	return nil
}

// side is a state of its own on the disk of the others, for bare commits.
type side struct {
	store *sqlite.Store
	seq   int
}

func openSide(ctx context.Context, state string) (*side, error) {
	store, err := sqlite.Open(ctx, state)
	if err != nil {
		return nil, err
	}
	if _, err := store.Own(ctx, true); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &side{store: store}, nil
}

func (s *side) close() error { return s.store.Close() }

// commit stores one record, durably.
func (s *side) commit(ctx context.Context) (time.Duration, error) {
	s.seq++
	began := time.Now()
	err := s.store.Append(ctx, local.Batch{
		Run: "side", After: s.seq - 1, Head: core.Head{ID: "side", StartedAt: began, Seq: s.seq},
		Records: []core.Record{{Seq: s.seq, At: began, Event: core.Acted{Path: "1", Attempt: 1, Outcome: core.Outcome{Outputs: []byte(`{"text":"` + strings.Repeat("x", 289) + `"}`)}}}},
	})
	return time.Since(began), err
}
