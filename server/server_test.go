package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/client"
)

func TestPeopleSay(t *testing.T) {
	r := newRuns(t)
	_, c := serve(t, config(t, r))
	ctx := t.Context()
	for _, tt := range []struct {
		say  server.Say
		want engine.Input
	}{
		{server.VoteRequest{Question: "q", Digest: "d", Approve: true, Keep: true, Reason: "r", BreakGlass: "b"},
			engine.Vote{By: "alice", Question: "q", Digest: "d", Approve: true, Keep: true, Reason: "r", BreakGlass: "b"}},
		{server.WithdrawRequest{Path: "p", Reason: "r"}, engine.Withdraw{By: "alice", Path: "p", Reason: "r"}},
		{server.HandRequest{Question: "q", To: "bob", Reason: "r"}, engine.Hand{By: "alice", Question: "q", To: "bob", Reason: "r"}},
		{server.ExtendRequest{Question: "q", Seconds: 90.5}, engine.Extend{By: "alice", Question: "q", For: 90*time.Second + 500*time.Millisecond}},
		{server.LookRequest{Question: "q"}, engine.LookedAt{By: "alice", Question: "q"}},
		{server.AnswerRequest{Question: "q", Choice: "happened", Reason: "seen"},
			engine.Answer{By: "alice", Question: "q", Choice: "happened", Reason: "seen"}},
		{server.ProvideRequest{Question: "q", Value: json.RawMessage(`80`), Reason: "r"},
			engine.Provide{By: "alice", Question: "q", Value: json.RawMessage(`80`), Reason: "r"}},
		{server.SkipRequest{Path: "p", Reason: "r"}, engine.Skip{By: "alice", Path: "p", Reason: "r"}},
		{server.TakeOverRequest{Reason: "r"}, engine.TakeOver{By: "alice", Reason: "r"}},
		{server.HandBackRequest{To: "resume", Reason: "r"}, engine.HandBack{By: "alice", To: "resume", Reason: "r"}},
		{server.BreakLockRequest{Reason: "r"}, engine.BreakLock{By: "alice", Reason: "r"}},
		{server.CancelRequest{Reason: "r", Undo: true}, engine.Cancel{By: "alice", Reason: "r", Undo: true}},
	} {
		var p *server.Problem
		if err := c.Say(ctx, "r1", tt.say); err != nil && (!errors.As(err, &p) || p.Class != "refused" && p.Class != "stale") {
			t.Errorf("%T: %v", tt.want, err) // the run may refuse it; here only the way there matters
		}
		if diff := cmp.Diff(tt.want, r.last()); diff != "" {
			t.Errorf("the run was told (-want +got):\n%s", diff)
		}
	}
}

func TestUndo(t *testing.T) {
	r := newRuns(t)
	_, c := serve(t, config(t, r))
	id, err := c.Undo(t.Context(), "r1", server.UndoRequest{Reason: "r"})
	if diff := cmp.Diff(engine.Input(engine.UndoRun{By: "alice", Reason: "r"}), r.last()); err != nil || id != "r1" || diff != "" {
		t.Errorf("undone by %s, %v; the run was told (-want +got):\n%s", id, err, diff)
	}
}

func TestRunsAndPlugins(t *testing.T) {
	r := newRuns(t)
	_, c := serve(t, config(t, r))
	ctx := t.Context()
	if id, err := c.Start(ctx, server.StartRequest{Runbook: "pause"}); err != nil || id != "pause-by-alice" {
		t.Errorf("started %q, %v", id, err)
	}
	list, err := c.Runs(ctx, server.Query{Unsettled: true, Limit: 7})
	if err != nil || len(list) != 1 || list[0].ID != "r1" || list[0].Settled || list[0].Seq != 8 {
		t.Errorf("listed %+v, %v", list, err)
	}
	if list, err := c.Runs(ctx, server.Query{Service: "none"}); err != nil || list == nil || len(list) != 0 {
		t.Errorf("listed %v, %v", list, err)
	}
	year := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if done, err := c.Reload(ctx); err != nil || done.Runbooks != 2 || done.Changed[0].Digest != "alice" {
		t.Errorf("reload: %+v, %v", done, err)
	}
	if done, err := c.Prune(ctx, server.PruneRequest{Before: year, Reason: "old"}); err != nil || done.Runs != 2026 || !slices.Equal(done.Kept, []string{"alice", "old"}) {
		t.Errorf("pruned %+v, %v", done, err)
	}
	var told *server.Problem
	if _, err := c.Prune(ctx, server.PruneRequest{}); !errors.As(err, &told) || told.Class != "invalid" {
		t.Errorf("everything is pruned: %v", err)
	}
	if text, err := c.Plugins(ctx); err != nil || string(bytes.TrimSpace(text)) != `[{"name":"git"}]` {
		t.Errorf("plugins are %s, %v", text, err)
	}
	h, err := c.Health(ctx)
	me, uerr := user.Current()
	if uerr != nil {
		t.Fatal(uerr)
	}
	if err != nil || !h.OK || h.PID != os.Getpid() || !cmp.Equal(h.You, &server.Caller{User: me.Username, Person: "alice"}) {
		t.Errorf("health is %+v, %v", h, err)
	}
	hold := server.StopRequest{Kind: engine.StopHold, Service: "api", Reason: "not now"}
	if err := c.Stop(ctx, hold); err != nil {
		t.Error(err)
	}
	if v, err := c.Stops(ctx); err != nil || len(v.Stops) != 1 || v.Stops[0].By != "alice" || v.Stops[0].Reason != "not now" || v.Stops[0].Service != "api" {
		t.Errorf("stops: %+v, %v", v.Stops, err)
	}
	if err := c.Lift(ctx, hold); err != nil {
		t.Error(err)
	}
	if v, err := c.Stops(ctx); err != nil || len(v.Stops) != 0 {
		t.Errorf("lifted: %+v, %v", v.Stops, err)
	}
	// A run that has ended is undone by a new one.
	if err := c.Say(ctx, "r1", server.CancelRequest{}); err != nil {
		t.Fatal(err)
	}
	if id, err := c.Undo(ctx, "r1", server.UndoRequest{Reason: "x"}); err != nil || id != "undo-of-r1-x" {
		t.Errorf("undone by %q, %v", id, err)
	}
	if id, err := c.Retry(ctx, "r1", server.RetryRequest{From: "s"}); err != nil || id != "retry-of-r1-s-by-alice" {
		t.Errorf("tried again by %q, %v", id, err)
	}
}

// TestPlanIsNamedAsItIsShown holds that a yes may name its plan by the beginning
// of the digest, and that of another plan it is passed on as it is, and refused.
func TestPlanIsNamedAsItIsShown(t *testing.T) {
	r := newRuns(t)
	r.run = engine.Apply(r.run, engine.Record{Seq: len(r.records) + 1, Event: engine.QuestionOpened{
		Question: engine.Question{ID: "q", Kind: engine.AskGate, Path: "pause", Digest: "sha256:5f0c2a91d3be77aa", Roles: []string{"sre"}},
	}})
	r.fail = engine.ErrStale
	_, c := serve(t, config(t, r))
	for named, want := range map[string]string{
		"5f0c2a91d3be": "sha256:5f0c2a91d3be77aa", "sha256:5f0c2a91d3be77aa": "sha256:5f0c2a91d3be77aa",
		"000000000000": "000000000000", "5f0c": "5f0c", "": "",
	} {
		r.said = nil
		if err := c.Say(t.Context(), "r1", server.VoteRequest{Question: "q", Digest: named, Approve: true}); err == nil {
			t.Error("the run was told, and did not say so")
		}
		if v, ok := r.said[0].(engine.Vote); !ok || v.Digest != want {
			t.Errorf("%q is passed on as %+v", named, r.said)
		}
	}
}

func TestNobodyInTheConfiguration(t *testing.T) {
	cfg := config(t, newRuns(t))
	cfg.Person = func(string) string { return "" }
	_, c := serve(t, cfg)
	h, err := c.Health(t.Context())
	if err != nil || h.You.Person != "os:"+h.You.User {
		t.Errorf("seen as %+v, %v", h.You, err)
	}
}

func TestProblems(t *testing.T) {
	r := newRuns(t)
	s, c := serve(t, config(t, r))
	ctx := t.Context()
	vote := func(err error) func() error {
		return func() error {
			r.mu.Lock()
			r.fail = err
			r.mu.Unlock()
			return c.Say(ctx, "r1", server.VoteRequest{})
		}
	}
	raw := func(method, path, body string) func() error {
		return func() error { return post(ctx, s.Addr(), method, path, body) }
	}
	for _, tt := range []struct {
		name   string
		ask    func() error
		status int
		class  string
		text   string
		hint   string
	}{
		{"no such run", func() error { _, err := c.Run(ctx, "r2"); return err }, 404, "not_found", "there is no run r2", "look again"},
		{"refused", vote(&engine.Refusal{By: "alice", What: "approve", Reason: "ask bob"}), 403, "refused", "approve refused: ask bob", ""},
		{"stale", vote(engine.ErrStale), 409, "stale", "no longer waits", "firebreak runs show"},
		{"fault", vote(errors.New("boom")), 500, "internal", "boom", ""},
		{"cannot start", func() error { _, err := c.Start(ctx, server.StartRequest{Runbook: "broken"}); return err }, 400, "invalid", "input service is missing", ""},
		{"no runbook", func() error { _, err := c.Start(ctx, server.StartRequest{}); return err }, 400, "invalid", "runbook is missing", ""},
		{"unknown field", raw("POST", "/v1/runs/r1/votes", `{"aprove":true}`), 400, "invalid", "aprove", ""},
		{"no word", raw("POST", "/v1/runs/r1/votes", `{"question":"q","digest":"d","reason":"go on"}`), 400, "invalid", "approve is missing", ""},
		{"null for a word", raw("POST", "/v1/runs/r1/votes", `{"question":"q","digest":"d","approve":null}`), 400, "invalid", "approve is missing", ""},
		{"no question", raw("POST", "/v1/runs/r1/answers", `{"choice":"again"}`), 400, "invalid", "question is missing", ""},
		{"nothing", raw("POST", "/v1/runs/r1/hand-back", ""), 400, "invalid", "to is missing", ""},
		{"no value", raw("POST", "/v1/runs/r1/provide", `{"question":"q"}`), 400, "invalid", "value is missing", ""},
		{"no JSON", raw("POST", "/v1/runs/r1/votes", `approve`), 400, "invalid", "not what is expected", ""},
		{"too large", raw("POST", "/v1/runs/r1/votes", `{"reason":"`+strings.Repeat("x", 2<<20)+`"}`), 413, "too_large", "over 1048576 bytes", ""},
		{"unknown route", raw("GET", "/v2/runs", ""), 404, "not_found", "there is no GET /v2/runs", "versions"},
		{"bad number", raw("GET", "/v1/runs?limit=many", ""), 400, "invalid", "many", ""},
		{"bad place", raw("GET", "/v1/runs/r1/events?from=0", ""), 400, "invalid", "from", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p *server.Problem
			if err := tt.ask(); !errors.As(err, &p) {
				t.Fatalf("%v is no problem", err)
			}
			if p.Status != tt.status || p.Class != tt.class || !strings.Contains(p.Text, tt.text) || !strings.Contains(p.Hint, tt.hint) {
				t.Errorf("%d %s: %q (hint %q)\nwant %d %s: %q (hint %q)", p.Status, p.Class, p.Text, p.Hint, tt.status, tt.class, tt.text, tt.hint)
			}
		})
	}
}

// post asks without the client.
func post(ctx context.Context, socket, method, path, body string) error {
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, method, "http://owner"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	p := &server.Problem{Status: resp.StatusCode}
	if err := json.Unmarshal(text, p); err != nil {
		return err
	}
	return p
}

func TestEvents(t *testing.T) {
	r := newRuns(t)
	_, c := serve(t, config(t, r))
	var kinds []string
	var live int
	next := 1
	err := c.Watch(t.Context(), "r1", 1, func(l server.Line) error {
		if l.Progress != nil {
			live++
			if l.Progress.Text != "resting" || l.Seq != 0 {
				t.Errorf("progress is %+v", l)
			}
			return nil
		}
		if l.Seq != next || l.At.IsZero() || !json.Valid(l.Data) {
			t.Errorf("line %d is %+v", next, l)
		}
		next++
		kinds = append(kinds, l.Kind)
		if l.Kind == (engine.WaitBegan{}).Kind() {
			return r.decide(engine.Cancel{By: "alice"}) // ends the run while it is watched
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if live > 1 {
		t.Errorf("one progress was seen %d times", live)
	}
	if len(kinds) < 4 || kinds[0] != (engine.RunStarted{}).Kind() || kinds[len(kinds)-1] != (engine.RunEnded{}).Kind() {
		t.Errorf("seen %v", kinds)
	}
	// From the middle on.
	first := 0
	if err := c.Watch(t.Context(), "r1", 3, func(l server.Line) error {
		if first == 0 && l.Seq > 0 {
			first = l.Seq
		}
		return nil
	}); err != nil || first != 3 {
		t.Errorf("the first line from 3 on is %d, %v", first, err)
	}
	var p *server.Problem
	if err := c.Watch(t.Context(), "r2", 1, nil); !errors.As(err, &p) || p.Status != 404 {
		t.Errorf("watching no run: %v", err)
	}
}

// A stream that ends before its run says so, and Stop does not wait for it.
func TestStopCutsStreams(t *testing.T) {
	s, c := serve(t, config(t, newRuns(t)))
	err := c.Watch(t.Context(), "r1", 1, func(l server.Line) error {
		if l.Kind == (engine.WaitBegan{}).Kind() {
			go func() {
				if err := s.Stop(context.Background()); err != nil {
					t.Error(err)
				}
			}()
		}
		return nil
	})
	if !errors.Is(err, client.ErrCut) {
		t.Errorf("the watcher is told %v", err)
	}
}

func TestStartAndStop(t *testing.T) {
	cfg := config(t, newRuns(t))
	// What an owner that was killed leaves behind.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: cfg.Socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := server.New(cfg)
	if s.Addr() != "" {
		t.Errorf("it listens on %s before it starts", s.Addr())
	}
	for range 2 {
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(s.Addr())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has the mode %v, %v", info.Mode(), err)
	}
	c := client.New(s.Addr())
	defer c.Close()
	if _, err := c.Health(t.Context()); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(cfg.Socket), "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	var gone *client.UnreachableError
	if _, err := c.Health(t.Context()); !errors.As(err, &gone) || gone.Where != cfg.Socket || gone.Hint() == "" {
		t.Errorf("a server that is gone: %v", err)
	}
}

func TestStartRefusesAForeignDirectory(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o1777); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(open, "firebreak-0")
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(foreign, 0o777); err != nil {
		t.Fatal(err)
	}
	cfg := config(t, newRuns(t))
	cfg.Socket = filepath.Join(foreign, "s.sock")
	if err := server.New(cfg).Start(); err == nil || !strings.Contains(err.Error(), "only this user") {
		t.Errorf("it listens where anybody may write: %v", err)
	}
	cfg.Socket = filepath.Join(open, "mine", "s.sock")
	s, _ := serve(t, cfg)
	if info, err := os.Stat(filepath.Dir(s.Addr())); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("its directory has the mode %v, %v", info.Mode(), err)
	}
}

func TestSocketPath(t *testing.T) {
	if got := server.SocketPath("/var/lib/firebreak/state.db"); got != "/var/lib/firebreak/state.sock" {
		t.Errorf("beside the file: %s", got)
	}
	long := "/" + strings.Repeat("deep/", 30) + "state.db"
	for _, tmp := range []string{"/tmp", "/" + strings.Repeat("t", 150)} {
		t.Setenv("TMPDIR", tmp)
		got := server.SocketPath(long)
		if len(got) > 90 || !strings.HasPrefix(got, "/tmp/firebreak-") {
			t.Errorf("with the temporary directory %s: %s", tmp, got)
		}
		if got == server.SocketPath("/other"+long) {
			t.Error("two states share a socket")
		}
	}
}

// TestListings holds that no listing is without a bound, and that a client that
// wants all reads on, each once.
func TestListings(t *testing.T) {
	s, c := serve(t, config(t, newRuns(t)))
	alerts, err := c.Alerts(t.Context(), 0)
	if err != nil || len(alerts) != int(alertsSent) || alerts[0].N != alertsSent || alerts[alertsSent-1].N != 1 {
		t.Errorf("%d alerts, %v", len(alerts), err)
	}
	if alerts, err = c.Alerts(t.Context(), 1200); err != nil || len(alerts) != 1200 || alerts[1199].N != alertsSent-1199 {
		t.Errorf("%d alerts, %v", len(alerts), err)
	}
	runs, err := c.Runs(t.Context(), server.Query{Service: "busy"})
	if err != nil || len(runs) != runsOfBusy || runs[runsOfBusy-1].ID != strconv.Itoa(runsOfBusy) {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	for query, want := range map[string]string{
		"": "1000 1501", "?limit=0": "1000 1501", "?limit=5000": "1000 1501", "?limit=2": "2 2499", "?after=3": "2 ", "?after=1001": "1000 ",
	} {
		all, next := listing(t, s.Addr(), "/v1/alerts"+query)
		if got := fmt.Sprintf("%d %s", all, next); got != want {
			t.Errorf("%s: %s, not %s", query, got, want)
		}
	}
}

// listing is how many a listing holds, and what the next one comes after.
func listing(t *testing.T, socket, path string) (n int, after string) {
	t.Helper()
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}
	defer tr.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://owner"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := (&http.Client{Transport: tr}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	var all []json.RawMessage
	if err := json.NewDecoder(w.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	_, query, _ := strings.Cut(strings.TrimSuffix(w.Header.Get("Link"), `>; rel="next"`), "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return len(all), values.Get("after")
}
