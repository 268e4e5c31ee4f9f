package prometheus

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// pages reads the /metrics pages of all replicas, each in a loop of its own,
// so that one that hangs holds up no other.
type pages struct {
	targets []*target
	cancel  context.CancelFunc
	loops   sync.WaitGroup
	every   time.Duration
	within  limits
}

// target is one replica and what it has said.
type target struct {
	page page

	mu      sync.Mutex
	history history
	err     error         // of the last reading
	tries   int           // readings so far
	changed chan struct{} // closed, and made anew, after each reading
	wanted  chan struct{} // asks for a reading out of turn
}

func startPages(s section, within limits) *pages {
	ctx, cancel := context.WithCancel(context.Background())
	client := &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 2, DisableCompression: true, IdleConnTimeout: time.Minute},
		// A page is where it is said to be: elsewhere, the headers would
		// reach whom they are not for.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	p := &pages{cancel: cancel, every: s.Every.Std(), within: within}
	for _, address := range s.Targets {
		t := &target{page: page{client: client, address: address, headers: s.Headers, within: within.page}, changed: make(chan struct{}), wanted: make(chan struct{}, 1)}
		t.history.replica = t.page.name()
		p.targets = append(p.targets, t)
		p.loops.Go(func() { t.loop(ctx, p.every) })
	}
	return p
}

// close implements source. It returns when nothing runs any more.
func (p *pages) close() {
	p.cancel()
	p.loops.Wait()
	for _, t := range p.targets {
		t.page.client.CloseIdleConnections()
	}
}

func (t *target) loop(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		samples, at, err := t.page.read(ctx, isRead)
		t.mu.Lock()
		if t.err = err; err == nil {
			t.history.add(reduce(at, samples))
		}
		t.tries++
		close(t.changed)
		t.changed = make(chan struct{})
		t.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-t.wanted:
		}
	}
}

// leastTries is how many readings a replica has for a first answer: two
// snapshots make a rate.
const leastTries = 2

// refresh asks for a reading now, and returns how many there are once it is
// done.
func (t *target) refresh() (tries int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tries == 0 {
		return leastTries // the first one is under way
	}
	select {
	case t.wanted <- struct{}{}:
	default: // somebody else has just asked
	}
	return max(t.tries+1, leastTries)
}

// await returns when the target was read so many times, or ctx ends.
func (t *target) await(ctx context.Context, tries int) {
	for {
		t.mu.Lock()
		enough, changed := t.tries >= tries, t.changed
		t.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// histories implements source.
func (p *pages) histories(ctx context.Context, _ time.Duration) (heard []history, silent []string, err error) {
	heard, others, err := p.read(ctx)
	for _, h := range others {
		if h.isReplica() {
			silent = append(silent, h.replica)
		}
	}
	return heard, silent, err
}

// read is what all pages have said: those that answer, and those that do not.
func (p *pages) read(ctx context.Context) (heard, silent []history, err error) {
	// One that hangs is left out: its page may take half of our time.
	first, cancel := context.WithTimeout(ctx, p.within.answer/2)
	defer cancel()
	tries := make([]int, len(p.targets))
	for i, t := range p.targets {
		tries[i] = t.refresh()
	}
	var because []string
	for i, t := range p.targets {
		t.await(first, tries[i])
		t.mu.Lock()
		n := len(t.history.snapshots)
		switch {
		case n > 0 && time.Since(t.history.snapshots[n-1].at) <= max(staleAfter, 3*p.every):
			heard = append(heard, t.history.clone())
		default:
			silent = append(silent, t.history.clone())
			if t.err != nil {
				because = append(because, t.err.Error())
			}
		}
		t.mu.Unlock()
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if len(heard) == 0 {
		return nil, nil, plugins.Fail(plugins.Unavailable, "no replica answers: %s", strings.Join(because, "; "))
	}
	return heard, silent, nil
}

// health implements source.
func (p *pages) health(ctx context.Context) error {
	_, silent, err := p.read(ctx)
	if err == nil && len(silent) > 0 {
		var names []string
		for _, h := range silent {
			names = append(names, h.replica)
		}
		return plugins.Fail(plugins.Unavailable, "%d of %d replicas do not answer: %s", len(silent), len(p.targets), strings.Join(names, ", "))
	}
	return err
}

// query implements source: a selector on the pages as they are now.
func (p *pages) query(ctx context.Context, text string, at time.Time) ([]capability.Series, error) {
	s, err := parseSelector(text)
	if err != nil {
		return nil, err
	}
	if !at.IsZero() {
		return nil, plugins.Fail(plugins.Invalid, "pages have no past to ask: leave out at, or bind a Prometheus server by url")
	}
	var out []capability.Series
	var failed error
	for _, t := range p.targets {
		samples, _, err := t.page.read(ctx, nil)
		if err != nil {
			failed = err
			continue
		}
		out = append(out, s.choose(samples, t.page.name())...)
	}
	if len(out) == 0 && failed != nil {
		return nil, failed
	}
	return out, nil
}
