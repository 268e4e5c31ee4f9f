package local

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// memory is a state in memory. It outlives its owners, as a file does.
type memory struct {
	mu         sync.Mutex
	generation int
	seen       time.Time
	orders     []Order
	gaps       []Gap
	rests      map[string]*Rest
	said       []Said
	saidN      int64
	runs       map[string][]stored
	heads      map[string]engine.Head
	blobs      map[string][]byte
	pruned     map[string]bool
	loads      int
}

type stored struct {
	at   time.Time
	kind string
	data []byte
}

func newMemory() *memory {
	return &memory{runs: map[string][]stored{}, rests: map[string]*Rest{}, heads: map[string]engine.Head{}, blobs: map[string][]byte{}, pruned: map[string]bool{}}
}

// tenant is a memory as one owner has it.
type tenant struct {
	*memory
	mine int
	fail func(b Batch) error // guarded by memory.mu; nil: nothing fails
	dark error               // guarded by memory.mu: the list of runs cannot be read
}

func (m *tenant) Own(_ context.Context, drives bool) (Tenure, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.generation++
	m.mine = m.generation
	if drives {
		if !m.seen.IsZero() {
			m.gaps = append(m.gaps, Gap{Generation: m.generation, Down: time.Since(m.seen)})
		}
		m.seen = time.Now()
	}
	return Tenure{Generation: m.generation, Gaps: slices.Clone(m.gaps), Orders: slices.Clone(m.orders), Said: slices.Clone(m.said)}, nil
}

func (m *tenant) Unsettled(_ context.Context, each func(run string, r *Rest) error) error {
	m.mu.Lock()
	rests := maps.Clone(m.rests)
	for run, h := range m.heads {
		if h.Settled {
			delete(rests, run)
		}
	}
	m.mu.Unlock()
	for run, r := range rests {
		if err := each(run, r); err != nil {
			return err
		}
	}
	return nil
}

func (m *tenant) SetOrder(ctx context.Context, o Order) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.order(o)
	return nil
}

func (m *memory) order(o Order) {
	m.orders = append(slices.DeleteFunc(m.orders, func(old Order) bool { return old.stop().Is(o.stop()) }), o)
}

func (m *tenant) Say(ctx context.Context, s Said) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saidN++
	s.N = m.saidN
	m.said = append(m.said, s)
	return nil
}

func (m *tenant) Prune(_ context.Context, p Pruning) (Pruned, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var gone Pruned
	for id, h := range m.heads {
		if h.Settled && h.EndedAt.Before(p.Before) {
			gone.Runs, gone.Records = append(gone.Runs, id), gone.Records+len(m.runs[id])
			delete(m.runs, id)
			delete(m.heads, id)
			m.pruned[id] = true
		}
	}
	return gone, nil
}

func (m *tenant) Append(ctx context.Context, b Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mine != m.generation {
		return ErrFenced
	}
	if m.fail != nil {
		if err := m.fail(b); err != nil {
			return err
		}
	}
	if m.pruned[b.Run] {
		return fmt.Errorf("%w: %w", ErrPruned, ErrSequence)
	}
	if len(m.runs[b.Run]) != b.After {
		return ErrSequence
	}
	for i, rec := range b.Records {
		if rec.Seq != b.After+1+i {
			return fmt.Errorf("record %d after %d", rec.Seq, b.After+i)
		}
		kind, data, err := engine.MarshalEvent(rec.Event)
		if err != nil {
			return err
		}
		m.runs[b.Run] = append(m.runs[b.Run], stored{rec.At, kind, data})
	}
	if b.Order != nil {
		m.order(*b.Order)
	}
	if len(b.Records) > 0 {
		m.heads[b.Run], m.rests[b.Run] = b.Head, b.Rest
	}
	for _, p := range b.Pins {
		m.blobs[p.Digest] = p.Bytes
	}
	m.said = slices.DeleteFunc(m.said, func(s Said) bool { return slices.Contains(b.Heard, s.N) })
	return nil
}

func (m *tenant) Load(_ context.Context, run string, after int) ([]engine.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loads++
	if m.pruned[run] {
		return nil, NewError(ClassNotFound, run, "", ErrPruned)
	}
	var recs []engine.Record
	for i, s := range m.runs[run] {
		if i < after {
			continue
		}
		e, err := engine.UnmarshalEvent(s.kind, s.data)
		if err != nil {
			return nil, err
		}
		recs = append(recs, engine.Record{Seq: i + 1, At: s.at, Event: e})
	}
	return recs, nil
}

func (m *tenant) Heads(_ context.Context, f Filter) ([]engine.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dark != nil {
		return nil, m.dark
	}
	heads := slices.Collect(maps.Values(m.heads))
	heads = slices.DeleteFunc(heads, func(h engine.Head) bool { return f.Unsettled && h.Settled || f.Service != "" && h.Service != f.Service })
	slices.SortFunc(heads, func(a, b engine.Head) int { return cmp.Or(b.StartedAt.Compare(a.StartedAt), cmp.Compare(a.ID, b.ID)) })
	return heads, nil
}

func (m *tenant) Blob(_ context.Context, digest string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.blobs[digest]
	if !ok {
		return nil, NewError(ClassNotFound, "nothing is pinned as "+digest, "", nil)
	}
	return b, nil
}

// kinds lists the kinds of a run's records.
func (m *memory) kinds(run string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var kinds []string
	for _, s := range m.runs[run] {
		kinds = append(kinds, s.kind)
	}
	return kinds
}
