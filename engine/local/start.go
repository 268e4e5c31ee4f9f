package local

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine"
)

// Start begins a run of the runbook whose digest is in f.Pins and returns its
// id when that is durable. pins are the bytes that the digests in f.Pins
// stand for; those that the state already has may be left out. An empty
// f.ID is chosen here, one that a run has is refused with [ErrExists];
// f.Generation, f.Rules, f.Stops and f.Bar are set here.
func (rt *Runtime) Start(ctx context.Context, f engine.Facts, pins ...[]byte) (string, error) {
	if rt.cfg.RecordOnly {
		return "", NewError(ClassInvalid, "no owner drives this state, so nothing can be started",
			"`firebreak run` and `firebreak serve` become its owner", nil)
	}
	if f.ID == "" {
		f.ID = newID()
	}
	kept := make([]Pin, 0, len(pins))
	for _, b := range pins {
		kept = append(kept, Pin{Digest: Digest(b), Bytes: b})
	}
	src := slices.IndexFunc(kept, func(p Pin) bool { return p.Digest == f.Pins.Runbook })
	if src >= 0 {
		rt.books.offer(kept[src])
	}
	book, err := rt.books.get(ctx, f.Pins.Runbook)
	if err != nil {
		return "", err
	}
	if ruled(f) {
		rt.admitting.Lock()
		defer rt.admitting.Unlock()
		if f.Bar, err = rt.cfg.Bar(ctx, f, 0); err != nil {
			return "", err
		}
	}
	rt.ordering.RLock()
	defer rt.ordering.RUnlock()
	f.Generation, f.Rules, f.Stops = rt.tenure.Generation, engine.Rules, rt.stops(f)
	if err := rt.create(f.ID, engine.New(book)); err != nil {
		return "", err
	}
	if err := rt.ask(ctx, f.ID, item{in: engine.Start{Facts: f}, pins: kept}); err != nil {
		return "", err
	}
	return f.ID, nil
}

// create makes room in memory for a run that has no records yet.
func (rt *Runtime) create(id string, r engine.Run) error {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.lives[id] != nil {
		return exists(id)
	}
	rt.lives[id] = &life{id: id, loaded: true, run: r, open: map[string]bool{}}
	return nil
}

func exists(id string) error {
	return NewError(ClassInvalid, "run "+id+" cannot begin", "choose another name", ErrExists)
}

// Digest is the name under which bytes are pinned.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// newID makes a name that is short enough to type and never used twice.
func newID() string { return strings.ToLower(rand.Text()[:8]) }
