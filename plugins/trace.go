package plugins

import (
	"context"

	"google.golang.org/grpc/metadata"
)

// TraceParent is the span of a call that ctx came with, as W3C's Trace Context
// writes it; empty: nobody traces. A plugin that traces what it does itself
// goes on from there.
func TraceParent(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	if values := md.Get("traceparent"); len(values) > 0 {
		return values[0]
	}
	return ""
}
