package host

import (
	"context"

	"google.golang.org/grpc/metadata"
)

// WithTrace returns a context whose calls tell the plugin the span that they
// are in, as W3C's Trace Context writes it.
func WithTrace(ctx context.Context, traceparent string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "traceparent", traceparent)
}
