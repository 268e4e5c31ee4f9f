package engine

import (
	"encoding/json"
	"slices"
	"time"
)

// ItemsKnown says for what a foreach is done. From then on it holds a group for
// each item.
type ItemsKnown struct {
	Path  string            `json:"path"`
	Items []json.RawMessage `json:"items"`
}

// Kind implements [Event].
func (ItemsKnown) Kind() string { return "items_known" }

func (e ItemsKnown) apply(r *Run, _ time.Time) {
	r.Book = r.Book.Unroll(e.Path, e.Items)
	r.Items = append(slices.Clip(r.Items), e)
}
