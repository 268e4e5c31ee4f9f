// Package client talks to the owner of a state, through its socket or over the
// network, with the types of package server.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
)

// Client talks to one owner. Its methods may be called from any goroutine;
// each blocks until there is an answer or ctx ends. A refusal is a
// [*server.Problem]; an owner that cannot be reached is an
// [*UnreachableError].
type Client struct {
	where string // for messages
	base  string // what stands before a path
	token string // empty: the socket tells who asks
	pid   int    // of the owner; 0: not known
	http  *http.Client
}

// UnreachableError says that nobody answers on a socket, or at an address.
type UnreachableError struct {
	Where string
	PID   int // of the owner; 0: not known
	Err   error

	remote bool
}

// Hangs reports whether somebody was there, and did not begin to answer.
func (e *UnreachableError) Hangs() bool {
	slow, ok := errors.AsType[net.Error](e.Err)
	return ok && slow.Timeout()
}

func (e *UnreachableError) Error() string {
	if e.Hangs() && e.PID != 0 {
		return fmt.Sprintf("the owner, process %d, takes what it is asked on %s and does not answer: it hangs, or its disk does", e.PID, e.Where)
	}
	return fmt.Sprintf("the owner does not answer on %s: %v", e.Where, e.Err)
}

// Unwrap returns why.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Hint says what to do next.
func (e *UnreachableError) Hint() string {
	if _, bad := errors.AsType[*tls.CertificateVerificationError](e.Err); bad {
		return "this machine does not trust its certificate: name the file of the one that does with --server-ca"
	}
	switch {
	case e.remote:
		return "see that `firebreak serve` runs there, and that the address is right: https:// where it has a certificate, http:// where it has none"
	case e.Hangs() && e.PID != 0:
		return fmt.Sprintf("what was asked may still be done; to halt for certain end it with `kill -KILL %d`, then `firebreak halt`: the next owner finds it halted, and asks what became of a change in flight", e.PID)
	}
	return "it may be starting or ending: try again in a moment"
}

// idle is how many connections are kept, for those who ask much at once.
const idle = 256

// patience is how long an owner may take until its answer begins. What it has
// to do before that takes it a second or two; one that hangs takes for ever.
const patience = 30 * time.Second

// New returns a client of the owner that listens on a socket. It does not
// connect yet.
func New(socket string) *Client { return newClient(socket, patience) }

func newClient(socket string, patience time.Duration) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &Client{where: socket, base: "http://owner", http: &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: idle, ResponseHeaderTimeout: patience}}}
}

// Of says which process the owner is, for messages.
func (c *Client) Of(pid int) *Client {
	c.pid = pid
	return c
}

// Remote is an owner on another machine.
type Remote struct {
	URL   string // https://HOST:PORT, or http:// of this machine
	Token string
	CA    []byte // certificates to trust, as PEM; nil: those that the system trusts
}

// ErrExposed says that a token would cross a network in clear text.
var ErrExposed = errors.New("the token would be sent in clear text")

// NewRemote returns a client of an owner on another machine. It does not
// connect yet. It fails where the address is none, or a token would be sent to
// another machine without TLS. A redirect is not followed: the token is for
// this address.
func NewRemote(r Remote) (*Client, error) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("write https://HOST:PORT")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && (ip == nil || !ip.IsLoopback()) {
		return nil, ErrExposed
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if r.CA != nil {
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(r.CA) {
			return nil, errors.New("there is no certificate in the file of those to trust")
		}
	}
	base := u.Scheme + "://" + u.Host
	return &Client{where: base, base: base, token: r.Token, http: &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: patience},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Where is the socket or the address.
func (c *Client) Where() string { return c.where }

// Close gives up idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Start begins a run and returns its id.
func (c *Client) Start(ctx context.Context, req server.StartRequest) (string, error) {
	return c.run(ctx, "/v1/runs", req)
}

// Runs lists runs, newest first.
func (c *Client) Runs(ctx context.Context, q server.Query) ([]engine.Head, error) {
	values := url.Values{}
	if q.Unsettled {
		values.Set("unsettled", "true")
	}
	if q.Service != "" {
		values.Set("service", q.Service)
	}
	return list[engine.Head](ctx, c, "/v1/runs", values, q.Limit)
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

// Snapshot returns what a diagnosis of a service needs, read just now.
func (c *Client) Snapshot(ctx context.Context, service string, since time.Duration) (json.RawMessage, error) {
	var raw json.RawMessage
	err := c.call(ctx, http.MethodGet, "/v1/services/"+url.PathEscape(service)+"/snapshot?since="+since.String(), nil, &raw)
	return raw, err
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

// Policy tells what the rules of the configuration say of a time; zero: now.
func (c *Client) Policy(ctx context.Context, at time.Time) (server.PolicyView, error) {
	path := "/v1/policy"
	if !at.IsZero() {
		path += "?at=" + url.QueryEscape(at.Format(time.RFC3339))
	}
	var v server.PolicyView
	err := c.call(ctx, http.MethodGet, path, nil, &v)
	return v, err
}

// Prune gives up runs that have ended.
func (c *Client) Prune(ctx context.Context, req server.PruneRequest) (server.Pruned, error) {
	var done server.Pruned
	err := c.call(ctx, http.MethodPost, "/v1/prune", req, &done)
	return done, err
}

// Reload has the runbooks that are known by name read anew.
func (c *Client) Reload(ctx context.Context) (server.Reloaded, error) {
	var done server.Reloaded
	err := c.call(ctx, http.MethodPost, "/v1/reload", nil, &done)
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

// Approvals lists the questions that runs ask people.
func (c *Client) Approvals(ctx context.Context) ([]server.Asked, error) {
	return list[server.Asked](ctx, c, "/v1/approvals", nil, 0)
}

// Runbooks lists the runbooks that the owner knows by name.
func (c *Client) Runbooks(ctx context.Context) ([]server.RunbookView, error) {
	return list[server.RunbookView](ctx, c, "/v1/runbooks", nil, 0)
}

// Runbook returns one of them, with its text.
func (c *Client) Runbook(ctx context.Context, name string) (server.RunbookView, error) {
	var v server.RunbookView
	err := c.call(ctx, http.MethodGet, "/v1/runbooks/"+url.PathEscape(name), nil, &v)
	return v, err
}

// Services lists the services of the configuration.
func (c *Client) Services(ctx context.Context) ([]server.ServiceView, error) {
	return list[server.ServiceView](ctx, c, "/v1/services", nil, 0)
}

// Alerts lists alerts, the last first; 0: no limit.
func (c *Client) Alerts(ctx context.Context, limit int) ([]server.AlertView, error) {
	return list[server.AlertView](ctx, c, "/v1/alerts", url.Values{}, limit)
}

// Report reports a change that was made to a service.
func (c *Client) Report(ctx context.Context, req server.ChangeRequest) (server.Change, error) {
	var v server.Change
	err := c.call(ctx, http.MethodPost, "/v1/changes", req, &v)
	return v, err
}

// Changes lists the changes that were reported, the last first.
func (c *Client) Changes(ctx context.Context, q server.ChangeQuery) ([]server.Change, error) {
	values := url.Values{"service": {q.Service}}
	if !q.Since.IsZero() {
		values.Set("since", q.Since.UTC().Format(time.RFC3339))
	}
	return list[server.Change](ctx, c, "/v1/changes", values, q.Limit)
}

// Audit tells what stands for everything that is recorded, and the last acts
// of people; 0: all of them.
func (c *Client) Audit(ctx context.Context, limit int) (server.AuditView, error) {
	var v server.AuditView
	err := c.call(ctx, http.MethodGet, "/v1/audit?limit="+strconv.Itoa(limit), nil, &v)
	return v, err
}

// MakeToken makes a token; it goes through the socket only.
func (c *Client) MakeToken(ctx context.Context, req server.TokenRequest) (server.MadeToken, error) {
	var v server.MadeToken
	err := c.call(ctx, http.MethodPost, "/v1/tokens", req, &v)
	return v, err
}

// Tokens lists tokens, the newest first; it goes through the socket only.
func (c *Client) Tokens(ctx context.Context) ([]server.TokenView, error) {
	return list[server.TokenView](ctx, c, "/v1/tokens", nil, 0)
}

// RevokeToken revokes a token; it goes through the socket only.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/v1/tokens/"+url.PathEscape(id), nil, nil)
}

// list reads a listing, page after page, until there is no more; limit: or so
// many, 0: all.
func list[T any](ctx context.Context, c *Client, path string, q url.Values, limit int) ([]T, error) {
	if q == nil {
		q = url.Values{}
	}
	all := []T{}
	for {
		if limit > 0 {
			q.Set("limit", strconv.Itoa(limit-len(all)))
		}
		resp, err := c.ask(ctx, http.MethodGet, path+"?"+q.Encode(), nil)
		if err != nil {
			return nil, err
		}
		var some []T
		err = json.NewDecoder(resp.Body).Decode(&some)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			return nil, fmt.Errorf("read the owner's answer to GET %s: %w", path, err)
		}
		all = append(all, some...)
		after := next(resp.Header)
		if after == "" || limit > 0 && len(all) >= limit {
			return all, nil
		}
		q.Set("after", after)
	}
}

// next is where a listing goes on; empty: it is over.
func next(h http.Header) string {
	to, rel, _ := strings.Cut(strings.TrimPrefix(h.Get("Link"), "<"), ">; ")
	u, err := url.Parse(to)
	if err != nil || rel != `rel="next"` {
		return ""
	}
	return u.Query().Get("after")
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
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if unwrapped, ok := errors.AsType[*url.Error](err); ok {
			err = unwrapped.Err
		}
		return nil, &UnreachableError{Where: c.where, PID: c.pid, Err: err, remote: c.base == c.where}
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
