package host

import (
	"context"
	"strconv"
	"testing"
)

// BenchmarkCall is one call of a warm plugin, checks and all.
func BenchmarkCall(b *testing.B) {
	h, err := New(Config{Specs: []Spec{builtin("demo")}})
	if err != nil {
		b.Fatal(err)
	}
	if err := h.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := h.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	}()
	if o := h.Run(b.Context(), call("warm", "echo"), nil); o.Failure != nil {
		b.Fatal(o.Failure)
	}
	n := 0
	for b.Loop() {
		n++
		if o := h.Run(b.Context(), call(strconv.Itoa(n), "echo"), nil); o.Failure != nil {
			b.Fatal(o.Failure)
		}
	}
}

// BenchmarkStart is a cold start up to the first answer, and the end.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		_, end, err := Connect(b.Context(), builtin("demo"), Config{})
		if err != nil {
			b.Fatal(err)
		}
		end()
	}
}
