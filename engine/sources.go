package engine

import "embed"

// EventSources holds the source of the events: the reference is made from
// their declarations and comments.
//
//go:embed event_*.go
var EventSources embed.FS
