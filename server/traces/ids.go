package traces

import (
	"context"
	"crypto/rand"

	"go.opentelemetry.io/otel/trace"
)

// ids gives spans the ids that their context names, and others random ones.
type ids struct{}

type idsKey struct{}

// NewIDs implements the generator of ids of OpenTelemetry's SDK.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if own, ok := ctx.Value(idsKey{}).(trace.SpanContextConfig); ok {
		return own.TraceID, own.SpanID
	}
	var id trace.TraceID
	_, _ = rand.Read(id[:]) // never fails
	return id, randomSpan()
}

// NewSpanID implements the generator of ids of OpenTelemetry's SDK.
func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if own, ok := ctx.Value(idsKey{}).(trace.SpanContextConfig); ok {
		return own.SpanID
	}
	return randomSpan()
}

func randomSpan() (id trace.SpanID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}
