package slacktest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// sent is an HTTP request as it went out.
type sent struct {
	url    string
	header http.Header
	body   []byte
}

var errRedirects = errors.New("too many redirects")

var client = &http.Client{
	Transport: &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) > 2 {
			return errRedirects
		}
		return nil
	},
}

// UseHTTP makes this Slack send everything to a request URL from now on, as
// when the URL is saved in the app's settings: the app must answer the
// challenge.
func (s *Server) UseHTTP(ctx context.Context, requestURL string) error {
	challenge := random(16)
	out := s.sign(requestURL, "application/json", encode(result{"token": legacyToken, "challenge": challenge, "type": "url_verification"}))
	status, body, err := out.do(ctx)
	if err != nil {
		return fmt.Errorf("url_verification: %w", err)
	}
	var echo struct {
		Challenge string `json:"challenge"`
	}
	if json.Unmarshal(body, &echo) != nil {
		echo.Challenge = strings.TrimSpace(string(body))
	}
	if status != http.StatusOK || echo.Challenge != challenge {
		return fmt.Errorf("url_verification: the answer is status %d, %q, not the challenge", status, body)
	}
	s.change(func() { s.requestURL = requestURL })
	return nil
}

// SSLCheck asks the app whether its certificate is well, as Slack does now
// and then, without a signature, and returns the status.
func (s *Server) SSLCheck(ctx context.Context) (int, error) {
	s.mu.Lock()
	target := s.requestURL
	s.mu.Unlock()
	form := url.Values{"ssl_check": {"1"}, "token": {legacyToken}}
	check := s.sign(target, "application/x-www-form-urlencoded", []byte(form.Encode()))
	check.header.Del("X-Slack-Signature")
	check.header.Del("X-Slack-Request-Timestamp")
	status, _, err := check.do(ctx)
	return status, err
}

// Replay sends the last HTTP request again, to the byte and with its old
// signature, as somebody would who has recorded it.
func (s *Server) Replay(ctx context.Context) (int, error) {
	s.mu.Lock()
	last := s.last
	s.mu.Unlock()
	if last == nil {
		return 0, errNotHTTP
	}
	status, _, err := last.do(ctx)
	return status, err
}

// sign makes a request with Slack's signature over the raw body.
func (s *Server) sign(target, kind string, body []byte) *sent {
	at := strconv.FormatInt(s.clock.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(SigningSecret))
	_, _ = fmt.Fprintf(mac, "v0:%s:%s", at, body)
	return &sent{url: target, body: body, header: http.Header{
		"Content-Type":              {kind},
		"User-Agent":                {"Slackbot 1.0 (+https://api.slack.com/robots)"},
		"X-Slack-Request-Timestamp": {at},
		"X-Slack-Signature":         {"v0=" + hex.EncodeToString(mac.Sum(nil))},
	}}
}

func (o *sent) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url, bytes.NewReader(o.body))
	if err != nil {
		return nil, err
	}
	req.Header = o.header.Clone()
	return req, nil
}

func (o *sent) do(ctx context.Context) (int, []byte, error) {
	req, err := o.request(ctx)
	if err != nil {
		return 0, nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	return resp.StatusCode, body, err
}

// post sends an attempt over HTTP. The lock is held.
func (s *Server) post(a *attempt, reason string) {
	kind, body := "application/json", encode(a.payload)
	if a.values != nil {
		kind, body = "application/x-www-form-urlencoded", []byte(a.values.Encode())
	}
	out := s.sign(s.requestURL, kind, body)
	if reason != "" {
		out.header.Set("X-Slack-Retry-Num", strconv.Itoa(a.attempts-1))
		out.header.Set("X-Slack-Retry-Reason", reason)
	}
	s.last = out
	var tamper func(*http.Request)
	if len(s.tamper) > 0 {
		tamper, s.tamper = s.tamper[0], s.tamper[1:]
	}
	ctx, cancel := context.WithCancelCause(s.life)
	a.stop = s.clock.after(answerWithin, func() { cancel(context.DeadlineExceeded) })
	s.notef("http", a.Kind, "sent%s", map[bool]string{true: " as a duplicate"}[a.copy])
	s.tasks.Go(func() {
		defer cancel(nil)
		defer a.stop()
		s.roundTrip(ctx, a, out, tamper)
	})
}

func (s *Server) roundTrip(ctx context.Context, a *attempt, out *sent, tamper func(*http.Request)) {
	req, err := out.request(ctx)
	if err != nil {
		s.change(func() { s.failed(a, "unknown_error", "dispatch_failed") })
		return
	}
	if tamper != nil {
		tamper(req)
	}
	resp, err := client.Do(req)
	var body []byte
	if err == nil {
		body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody))
		_ = resp.Body.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		s.failed(a, "http_timeout", "operation_timeout")
	case errors.Is(err, errRedirects):
		s.failed(a, "too_many_redirects", "dispatch_failed")
	case err != nil:
		s.failed(a, "connection_failed", "dispatch_failed")
	case resp.StatusCode/100 != 2 || a.Kind != "events_api" && resp.StatusCode != http.StatusOK:
		s.notef("http", a.Kind, "status %d", resp.StatusCode)
		if resp.Header.Get("X-Slack-No-Retry") == "1" {
			s.settle(a, nil, "http_service_error")
			return
		}
		s.failed(a, "http_error", "http_service_error")
	default:
		s.notef("http", a.Kind, "acknowledged")
		if len(body) > 0 && !json.Valid(body) {
			body = encode(result{"text": string(body)}) // plain text is an answer, too
		}
		s.settle(a, body, "")
	}
}
