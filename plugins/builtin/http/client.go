package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

const (
	maxBody      = 256 << 10
	maxRedirects = 5
)

// ask is one request.
type ask struct {
	method  string
	url     string
	header  http.Header
	body    []byte
	timeout time.Duration
	expect  []int // empty: any 2xx
}

// answer is what came back, the body cut at maxBody.
type answer struct {
	status    int
	header    http.Header
	body      []byte
	truncated bool
}

// client sends requests; it may be used from many goroutines.
type client struct{ http *http.Client }

func newClient() client {
	return client{&http.Client{Transport: newTransport(), CheckRedirect: checkRedirect}}
}

// checkRedirect follows a reading request to another path of the same host,
// and nothing else: what is not followed is shown as the answer that it is.
func checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0]
	reads := first.Method == http.MethodGet || first.Method == http.MethodHead
	if !reads || len(via) > maxRedirects || next.URL.Scheme != first.URL.Scheme || next.URL.Host != first.URL.Host {
		return http.ErrUseLastResponse
	}
	return nil
}

// do sends a request and reads the answer. The failure is nil if the answer
// is one that was expected; applied is of a mutation.
func (c client) do(ctx context.Context, a ask) (answer, plugins.Applied, *plugins.Failure) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, a.method, a.url, bytes.NewReader(a.body))
	if err != nil {
		return answer{}, plugins.None, plugins.Fail(plugins.Invalid, "%v", err)
	}
	if a.header != nil {
		req.Header = a.header
	}
	got, err := c.receive(req)
	if err != nil {
		v := verdictOn(err, sent.Load())
		return got, v.applied, plugins.Fail(v.class, "%s %s: %v", a.method, req.URL.Redacted(), reason(err))
	}
	v := verdictOf(got.status, got.header)
	if len(a.expect) > 0 {
		if slices.Contains(a.expect, got.status) {
			if v.applied == plugins.Unknown { // who expects it knows what it means
				v.applied = plugins.All
			}
			return got, v.applied, nil
		}
		if v.class == "" { // done, but not as it was said to be
			v = verdict{plugins.Invalid, plugins.Unknown}
		}
	}
	if v.class == "" {
		return got, v.applied, nil
	}
	text := fmt.Sprintf("%s %s answered %d %s", a.method, req.URL.Redacted(), got.status, http.StatusText(got.status))
	if to := got.header.Get("Location"); to != "" && got.status >= 300 && got.status < 400 {
		text += ", a redirect that is not followed, to " + to
	} else if says := firstLine(got.body); says != "" {
		text += ": " + says
	}
	return got, v.applied, plugins.Fail(v.class, "%s", text)
}

func (c client) receive(req *http.Request) (answer, error) {
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	got := answer{status: res.StatusCode, header: res.Header, body: body}
	if len(body) > maxBody {
		got.body, got.truncated = body[:maxBody], true
	}
	return got, err
}

// reason leaves out the method and URL that the caller says already.
func reason(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}

func firstLine(body []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(body), []byte("\n"))
	return string(bytes.ToValidUTF8(line[:min(len(line), 200)], nil))
}
