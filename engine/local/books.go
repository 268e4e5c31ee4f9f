package local

import (
	"container/list"
	"context"
	"fmt"
	"sync"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// books keeps the parsed runbooks that were used last.
type books struct {
	blob  func(ctx context.Context, digest string) ([]byte, error)
	parse func(src []byte) (*runbook.Runbook, error)
	limit int

	mu    sync.Mutex
	known map[string]*list.Element // of *kept, by digest
	used  *list.List               // the longest unused first
}

type kept struct {
	digest string
	book   *runbook.Runbook
	src    []byte // set: offered, not parsed yet
}

func newBooks(cfg Config) *books {
	return &books{blob: cfg.Journal.Blob, parse: cfg.Book, limit: cfg.Books, known: map[string]*list.Element{}, used: list.New()}
}

// offer tells the bytes of a runbook that are not in the journal yet.
func (b *books) offer(p Pin) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known[p.Digest] == nil {
		b.keep(&kept{digest: p.Digest, src: p.Bytes})
	}
}

// get returns the runbook of a digest. The same runbook is never parsed twice
// at the same time.
func (b *books) get(ctx context.Context, digest string) (*runbook.Runbook, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var k *kept
	if e := b.known[digest]; e != nil {
		b.used.MoveToBack(e)
		k, _ = e.Value.(*kept)
		if k.book != nil {
			return k.book, nil
		}
	}
	var src []byte
	if k != nil {
		src = k.src
	} else {
		var err error
		if src, err = b.blob(context.WithoutCancel(ctx), digest); err != nil {
			return nil, fmt.Errorf("read the pinned runbook: %w", err)
		}
	}
	parsed, err := b.parse(src)
	if err != nil {
		return nil, NewError(ClassUnreadable, "the pinned runbook "+digest+" cannot be read",
			"this version of firebreak may be older than the one that started the run", err)
	}
	if k == nil {
		k = &kept{digest: digest}
		b.keep(k)
	}
	k.book, k.src = parsed, nil
	return parsed, nil
}

// keep remembers a runbook and forgets the longest unused one beyond the
// limit.
func (b *books) keep(k *kept) {
	b.known[k.digest] = b.used.PushBack(k)
	for b.used.Len() > b.limit {
		if old, ok := b.used.Remove(b.used.Front()).(*kept); ok {
			delete(b.known, old.digest)
		}
	}
}
