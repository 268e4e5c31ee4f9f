package http

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// TestEveryStatus asks a real server for each status there can be, so that
// no two parts of the plugin judge one differently.
func TestEveryStatus(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, err := strconv.Atoi(r.URL.Path[1:])
		if err != nil {
			status = http.StatusTeapot
		}
		if r.URL.RawQuery == "later" {
			w.Header().Set("Retry-After", "3")
		}
		w.WriteHeader(status)
	}))
	defer srv.Close()
	special := map[int]verdict{
		401: {plugins.Denied, plugins.None}, 403: {plugins.Denied, plugins.None}, 407: {plugins.Denied, plugins.None},
		404: {plugins.NotFound, plugins.None}, 410: {plugins.NotFound, plugins.None},
		408: {plugins.Timeout, plugins.None}, 504: {plugins.Timeout, plugins.Unknown},
		409: {plugins.Conflict, plugins.None}, 423: {plugins.Conflict, plugins.None}, 412: {plugins.Drift, plugins.None},
		425: {plugins.Unavailable, plugins.None}, 429: {plugins.Unavailable, plugins.None},
		300: {plugins.Invalid, plugins.Unknown}, 301: {plugins.Invalid, plugins.Unknown}, 302: {plugins.Invalid, plugins.Unknown}, 303: {plugins.Invalid, plugins.Unknown},
		501: {plugins.Invalid, plugins.None}, 505: {plugins.Invalid, plugins.None},
	}
	c := newClient()
	defer c.http.CloseIdleConnections()
	for status := 200; status < 600; status++ {
		want, ok := special[status]
		switch {
		case ok:
		case status < 300:
			want = verdict{"", plugins.All}
		case status < 500:
			want = verdict{plugins.Invalid, plugins.None}
		default:
			want = verdict{plugins.Unavailable, plugins.Unknown}
		}
		_, applied, failure := c.do(t.Context(), ask{method: http.MethodPost, url: srv.URL + "/" + strconv.Itoa(status), timeout: 5 * time.Second})
		got := verdict{applied: applied}
		if failure != nil {
			got.class = failure.Class
		}
		if got != want {
			t.Errorf("%d: %+v, want %+v", status, got, want)
		}
	}
	_, applied, failure := c.do(t.Context(), ask{method: http.MethodPost, url: srv.URL + "/503?later", timeout: 5 * time.Second})
	if failure == nil || failure.Class != plugins.Unavailable || applied != plugins.None {
		t.Errorf("503 with Retry-After: applied %s, %+v; want unavailable, none", applied, failure)
	}
}

func TestNoAnswer(t *testing.T) {
	silent := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cut" {
			panic(http.ErrAbortHandler)
		}
		<-silent
	}))
	defer srv.Close()
	defer close(silent)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	l.Close()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		url    string
		within time.Duration
		want   verdict
	}{
		{"nobody listens", t.Context(), closed, time.Minute, verdict{plugins.Unavailable, plugins.None}},
		{"cut off", t.Context(), srv.URL + "/cut", time.Minute, verdict{plugins.Unavailable, plugins.Unknown}},
		{"silence", t.Context(), srv.URL, 2 * time.Second, verdict{plugins.Timeout, plugins.Unknown}},
		{"cancelled before", cancelled, srv.URL, time.Minute, verdict{plugins.Cancelled, plugins.None}},
		{"no such scheme", t.Context(), "gopher://x", time.Minute, verdict{plugins.Unavailable, plugins.None}},
	} {
		c := newClient()
		_, applied, failure := c.do(tt.ctx, ask{method: http.MethodPost, url: tt.url, timeout: tt.within})
		if failure == nil || (verdict{failure.Class, applied}) != tt.want {
			t.Errorf("%s: applied %s, %+v; want %+v", tt.name, applied, failure, tt.want)
		}
		c.http.CloseIdleConnections()
	}
}
