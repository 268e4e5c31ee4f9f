// Package client talks to the owner of a state through its socket, with the
// types of package server.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"github.com/firebreak-ops/firebreak/server"
)

// Client talks to one owner. Its methods may be called from any goroutine;
// each blocks until there is an answer or ctx ends. A refusal is a
// [*server.Problem]; an owner that cannot be reached is an
// [*UnreachableError].
type Client struct {
	socket string
	http   *http.Client
}

// UnreachableError says that nobody answers on a socket.
type UnreachableError struct {
	Socket string
	Err    error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("the owner does not answer on %s: %v", e.Socket, e.Err)
}

// Unwrap returns why.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Hint says what to do next.
func (e *UnreachableError) Hint() string {
	return "it may be starting or ending: try again in a moment"
}

// idle is how many connections are kept, for those who ask much at once.
const idle = 256

// New returns a client of the owner that listens on a socket. It does not
// connect yet.
func New(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &Client{socket: socket, http: &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: idle}}}
}

// Close gives up idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Start begins a run and returns its id.
func (c *Client) Start(ctx context.Context, req server.StartRequest) (string, error) {
	return c.run(ctx, "/v1/runs", req)
}

// Runs lists runs, newest first.
func (c *Client) Runs(ctx context.Context, q server.Query) ([]server.Summary, error) {
	values := url.Values{}
	if q.Unsettled {
		values.Set("unsettled", "true")
	}
	if q.Service != "" {
		values.Set("service", q.Service)
	}
	if q.Limit > 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	var runs []server.Summary
	err := c.call(ctx, http.MethodGet, "/v1/runs?"+values.Encode(), nil, &runs)
	return runs, err
}

// Run returns one run as it stands.
func (c *Client) Run(ctx context.Context, id string) (server.View, error) {
	var v server.View
	err := c.call(ctx, http.MethodGet, runPath(id, ""), nil, &v)
	return v, err
}

// Say tells a run what a person says.
func (c *Client) Say(ctx context.Context, id string, say server.Say) error {
	return c.call(ctx, http.MethodPost, runPath(id, say.Verb()), say, nil)
}

// Retry goes on, as a new run, where one that has ended did not.
func (c *Client) Retry(ctx context.Context, id string, req server.RetryRequest) (string, error) {
	return c.run(ctx, runPath(id, "retry"), req)
}

// Undo undoes what a run has changed. It returns the run that does so: a new
// one if this one has ended.
func (c *Client) Undo(ctx context.Context, id string, req server.UndoRequest) (string, error) {
	return c.run(ctx, runPath(id, "undo"), req)
}

// Stops lists the halts and holds that stand.
func (c *Client) Stops(ctx context.Context) (server.StopsView, error) {
	var v server.StopsView
	err := c.call(ctx, http.MethodGet, "/v1/stops", nil, &v)
	return v, err
}

// Stop stops every new mutation, of everything or of a service.
func (c *Client) Stop(ctx context.Context, req server.StopRequest) error {
	return c.call(ctx, http.MethodPut, "/v1/stops", req, nil)
}

// Lift ends a halt or a hold.
func (c *Client) Lift(ctx context.Context, req server.StopRequest) error {
	return c.call(ctx, http.MethodDelete, "/v1/stops", req, nil)
}

// Prune gives up runs that have ended.
func (c *Client) Prune(ctx context.Context, req server.PruneRequest) (server.Pruned, error) {
	var done server.Pruned
	err := c.call(ctx, http.MethodPost, "/v1/prune", req, &done)
	return done, err
}

// Plugins returns what the plugins are doing, as JSON.
func (c *Client) Plugins(ctx context.Context) (json.RawMessage, error) {
	var v json.RawMessage
	err := c.call(ctx, http.MethodGet, "/v1/plugins", nil, &v)
	return v, err
}

// Health tells who answers, and as whom it sees the caller.
func (c *Client) Health(ctx context.Context) (server.Health, error) {
	var v server.Health
	err := c.call(ctx, http.MethodGet, "/v1/health", nil, &v)
	return v, err
}

func runPath(id, what string) string {
	p := "/v1/runs/" + url.PathEscape(id)
	if what != "" {
		p += "/" + what
	}
	return p
}

// run posts a request that is answered with a run.
func (c *Client) run(ctx context.Context, path string, req any) (string, error) {
	var s server.Started
	err := c.call(ctx, http.MethodPost, path, req, &s)
	return s.Run, err
}

// call asks and reads the whole answer into out, if that is not nil.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.ask(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err := io.Copy(io.Discard, resp.Body)
		return err
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("read the owner's answer to %s %s: %w", method, path, err)
	}
	return nil
}

// ask returns an answer that is 2xx; the caller closes its body.
func (c *Client) ask(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode a request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://owner"+path, body)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if unwrapped, ok := errors.AsType[*url.Error](err); ok {
			err = unwrapped.Err
		}
		return nil, &UnreachableError{Socket: c.socket, Err: err}
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	p := &server.Problem{Status: resp.StatusCode}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(p); err != nil || p.Text == "" {
		p.Text, p.Class = fmt.Sprintf("the owner answered %s %s with %s", method, path, resp.Status), "internal"
	}
	return nil, p
}
