package engine

import (
	"maps"
	"slices"
)

// Kinds are the kinds of event that the codec reads.
func Kinds() []string { return slices.Sorted(maps.Keys(decoders)) }
