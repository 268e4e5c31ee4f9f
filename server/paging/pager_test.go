package paging_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/engine/service"
	"github.com/firebreak-ops/firebreak/server/paging"
	"github.com/firebreak-ops/firebreak/server/paging/pagingtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	mainKey = "0123456789abcdef0123456789abcdef"
	leadKey = "fedcba9876543210fedcba9876543210"
)

// outbox is the state.
type outbox struct{ *sqlite.Store }

func (o outbox) Put(ctx context.Context, p paging.Page) error {
	return o.PutPage(ctx, sqlite.Page(p))
}

func (o outbox) Live(ctx context.Context) (all []paging.Page, err error) {
	stored, err := o.LivePages(ctx)
	for _, p := range stored {
		all = append(all, paging.Page(p))
	}
	return all, err
}

func (o outbox) Settle(ctx context.Context, p paging.Page) error {
	return o.SettlePage(ctx, sqlite.Page(p))
}

// wire brings a request to a handler without a network, so that time may be
// that of a bubble.
type wire struct{ to http.Handler }

var errCut = errors.New("the connection was cut")

func (w wire) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	defer func() {
		if recover() != nil {
			err = errCut
		}
	}()
	rec := httptest.NewRecorder()
	w.to.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// room is a state, a stand-in for PagerDuty and what is over.
type room struct {
	t      *testing.T
	path   string
	store  *sqlite.Store
	events *pagingtest.Events

	mu    sync.Mutex
	over  map[string]bool
	warns []string
}

func newRoom(t *testing.T) *room {
	t.Helper()
	r := &room{t: t, path: filepath.Join(t.TempDir(), "state.db"), events: pagingtest.New(), over: map[string]bool{}}
	r.open()
	return r
}

func (r *room) open() {
	r.t.Helper()
	var err error
	if r.store, err = sqlite.Open(r.t.Context(), r.path); err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) close() {
	r.t.Helper()
	if err := r.store.Close(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) pager() *paging.Pager {
	return paging.New(paging.Config{
		Outbox: outbox{r.store}, Host: "fb1",
		Paging: &service.Paging{RoutingKey: "env:MAIN", Roles: map[string]string{"leads": "env:LEADS"}},
		Secret: func(ref string) (string, error) {
			return map[string]string{"env:MAIN": mainKey, "env:LEADS": leadKey}[ref], nil
		},
		Over: func(_ context.Context, p paging.Page) (bool, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.over[p.Key], nil
		},
		Warn: func(err error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.warns = append(r.warns, err.Error())
		},
		Client: &http.Client{Transport: wire{r.events}},
	})
}

func (r *room) end(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over[key] = true
}

// run runs a pager until the function that it returns is called.
func (r *room) run(p *paging.Pager) (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

func (r *room) raise(p *paging.Pager, page paging.Page) {
	r.t.Helper()
	if err := p.Raise(r.t.Context(), page); err != nil {
		r.t.Fatal(err)
	}
}

// said are the events that were taken, as "action dedup_key".
func (r *room) said() string {
	all, _ := r.events.Taken()
	var words []string
	for _, e := range all {
		words = append(words, e.Action+" "+strings.TrimPrefix(e.DedupKey, "firebreak "))
	}
	return strings.Join(words, ", ")
}

func (r *room) expect(want string) {
	r.t.Helper()
	if got := r.said(); got != want {
		r.t.Errorf("sent: %q, not %q; warned: %q", got, want, r.warns)
	}
}

// pass lets time pass, that of a bubble.
func pass(d time.Duration) { <-time.After(d) }

// TestPager follows a trouble from its begin to its end, twice.
func TestPager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		defer r.close()
		p := r.pager()
		defer r.run(p)()
		long := strings.Repeat("ü", 1000)
		r.raise(p, paging.Page{Key: "r1/notify.1", Run: "r1", Role: "leads", Text: long + "\nmore", Link: "https://example.com/a"})
		r.raise(p, paging.Page{Key: "r1/notify.1", Run: "r1", Role: "leads", Text: "again"})
		pass(time.Minute)
		r.expect("trigger r1/notify.1")
		all, _ := r.events.Taken()
		e := all[0]
		if e.RoutingKey != leadKey || e.Payload.Source != "fb1" || e.Payload.Details["look"] != "firebreak runs show r1" ||
			e.Payload.Details["text"] != long+"\nmore" || len(e.Links) != 1 || !strings.HasSuffix(e.Payload.Summary, "ü…") {
			t.Errorf("sent: %+v %+v", e, e.Payload)
		}
		r.end("r1/notify.1")
		pass(time.Minute)
		r.expect("trigger r1/notify.1, resolve r1/notify.1")
		r.mu.Lock()
		clear(r.over)
		r.mu.Unlock()
		r.raise(p, paging.Page{Key: "r1/notify.1", Run: "r1", Role: "sre", Text: "once more"})
		pass(time.Minute)
		r.expect("trigger r1/notify.1, resolve r1/notify.1, trigger r1/notify.1")
	})
}

// TestPagerFaults lets PagerDuty fail in every way: each page is taken in the
// end, less and less often tried, and what is refused as it is waits for
// somebody to put the key right.
func TestPagerFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults []int
		least  time.Duration // after which it is taken
	}{
		{"cut", []int{0, 0, 0}, 7 * time.Second},
		{"out of order", []int{500, 502, 503, 504}, 15 * time.Second},
		{"too many", []int{429}, time.Second},
		{"refused", []int{400}, 10 * time.Minute},
		{"redirected", []int{307}, time.Second},
		{"for long", []int{500, 500, 500, 500, 500, 500, 500, 500, 500}, 4 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRoom(t)
				defer r.close()
				p := r.pager()
				defer r.run(p)()
				r.events.Fail(c.faults...)
				began := time.Now()
				r.raise(p, paging.Page{Key: "k", Role: "sre", Text: "trouble"})
				<-r.events.Told()
				if took := time.Since(began); took < c.least || took > c.least+2*time.Minute {
					t.Errorf("it was taken after %s", took)
				}
				if _, tried := r.events.Taken(); tried != len(c.faults)+1 {
					t.Errorf("it was sent %d times", tried)
				}
				if len(r.warns) != 1 || strings.Contains(r.warns[0], mainKey) {
					t.Errorf("warned: %q", r.warns)
				}
			})
		})
	}
}

// TestPagerRestarts ends the pager, and the state, before anything was taken.
func TestPagerRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		p := r.pager()
		stop := r.run(p)
		r.events.Fail(500, 500, 500)
		r.raise(p, paging.Page{Key: "one", Role: "sre", Text: "trouble"})
		pass(4 * time.Second)
		stop()
		r.raise(r.pager(), paging.Page{Key: "two", Role: "sre", Text: "trouble"})
		r.raise(r.pager(), paging.Page{Key: "three", Role: "sre", Text: "over before anybody was woken"})
		r.end("three")
		r.end("one") // somebody may have been woken by what had no answer
		r.close()
		r.open()
		defer r.close()
		stop = r.run(r.pager())
		pass(time.Minute)
		stop()
		if got := r.said(); got != "resolve one, trigger two" && got != "trigger two, resolve one" {
			t.Errorf("sent: %q", got)
		}
		if live, err := r.store.LivePages(t.Context()); err != nil || len(live) != 1 || live[0].Key != "two" {
			t.Errorf("left are %+v, %v", live, err)
		}
	})
}

// TestPagerLastCall holds that a command that is about to end still wakes
// somebody.
func TestPagerLastCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		defer r.close()
		p := r.pager()
		r.raise(p, paging.Page{Key: "k", Role: "sre", Text: "trouble"})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p.Run(ctx)
		r.expect("trigger k")
	})
}

// TestHeartbeat holds that it is heard while work is done, and not otherwise.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var ready error
		status := http.StatusOK
		var heard []string
		var warns []string
		h := paging.Heartbeat{
			URL: func() (string, error) { return "https://example.com/s3cret", nil }, Every: time.Minute,
			Ready: func() error {
				mu.Lock()
				defer mu.Unlock()
				return ready
			},
			Warn: func(err error) {
				mu.Lock()
				defer mu.Unlock()
				warns = append(warns, err.Error())
			},
			Client: &http.Client{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				heard = append(heard, r.Method+" "+r.URL.Path)
				w.WriteHeader(status)
			})}},
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.Run(ctx)
		}()
		for _, c := range []struct {
			ready        error
			status       int
			pass         time.Duration
			heard, warns int
		}{
			{nil, http.StatusOK, 150 * time.Second, 3, 0},
			{errors.New("the owner is ending"), http.StatusOK, 3 * time.Minute, 3, 1},
			{nil, http.StatusNotFound, 3 * time.Minute, 6, 1},
			{nil, http.StatusOK, time.Minute, 7, 1},
			{nil, http.StatusNotFound, 2 * time.Minute, 9, 2},
		} {
			mu.Lock()
			ready, status = c.ready, c.status
			mu.Unlock()
			pass(c.pass)
			mu.Lock()
			if len(heard) != c.heard || len(warns) != c.warns || heard[0] != "POST /s3cret" || strings.Contains(strings.Join(warns, ""), "s3cret") {
				t.Errorf("%+v: heard %q, warned %q", c, heard, warns)
			}
			mu.Unlock()
		}
		cancel()
		<-done
	})
}
