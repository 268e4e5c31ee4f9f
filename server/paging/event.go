package paging

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// ours is the address of PagerDuty's Events API v2.
const ours = "https://events.pagerduty.com/v2/enqueue"

const (
	callTimeout = 10 * time.Second
	maxSummary  = 1024 // bytes
	maxDedup    = 255  // bytes
	maxAnswer   = 1 << 10
)

// event is what the Events API v2 takes.
type event struct {
	RoutingKey string   `json:"routing_key"`
	Action     string   `json:"event_action"` // trigger or resolve
	DedupKey   string   `json:"dedup_key"`
	Client     string   `json:"client,omitempty"`
	Links      []link   `json:"links,omitempty"`
	Payload    *payload `json:"payload,omitempty"` // of a trigger
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

type payload struct {
	Summary   string            `json:"summary"`
	Source    string            `json:"source"`
	Severity  string            `json:"severity"`
	Timestamp time.Time         `json:"timestamp"`
	Details   map[string]string `json:"custom_details"`
}

// eventOf is what is to be sent of a page.
func (p *Pager) eventOf(page *Page, key string) event {
	e := event{RoutingKey: key, Action: "resolve", DedupKey: dedup(page.Key)}
	if !page.OverAt.IsZero() {
		return e
	}
	first, _, _ := strings.Cut(page.Text, "\n")
	e.Action, e.Client = "trigger", "firebreak"
	e.Payload = &payload{
		Summary: clip(first, maxSummary), Source: p.cfg.Host, Severity: "critical", Timestamp: page.OpenedAt,
		Details: map[string]string{"text": page.Text, "for": page.Role},
	}
	if page.Run != "" {
		e.Payload.Details["run"], e.Payload.Details["look"] = page.Run, "firebreak runs show "+page.Run
	}
	if page.Link != "" {
		e.Links = []link{{page.Link, "the alert"}}
	}
	return e
}

// dedup is what tells PagerDuty which incident an event is about.
func dedup(key string) string {
	key = "firebreak " + key
	if len(key) <= maxDedup {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "firebreak " + hex.EncodeToString(sum[:])
}

// clip cuts a text to so many bytes, at a letter.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most -= len("…"); most > 0 && !utf8.RuneStart(text[most]); most-- {
	}
	return text[:most] + "…"
}

// refusedError is an answer that says that the event will never be taken as it
// is.
type refusedError struct{ text string }

func (e *refusedError) Error() string { return e.text }

// send sends what is due of a page, and returns when it was taken.
func (p *Pager) send(ctx context.Context, page *Page) error {
	ref, ok := p.cfg.Paging.Roles[page.Role]
	if !ok {
		ref = p.cfg.Paging.RoutingKey
	}
	key, err := p.cfg.Secret(ref)
	if err != nil {
		return err
	}
	body, err := json.Marshal(p.eventOf(page, key))
	if err != nil {
		return err
	}
	url := p.cfg.Paging.URL
	if url == "" {
		url = ours
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	w, err := p.cfg.Client.Do(r)
	if err != nil {
		return err
	}
	answer, _ := io.ReadAll(io.LimitReader(w.Body, maxAnswer))
	if err := w.Body.Close(); err != nil {
		return err
	}
	switch w.StatusCode {
	case http.StatusAccepted:
		return nil
	case http.StatusBadRequest:
		return &refusedError{fmt.Sprintf("%s answers %s: %s", r.URL.Host, w.Status, strings.ReplaceAll(clip(string(answer), 300), key, "…"))}
	default:
		return fmt.Errorf("%s answers %s", r.URL.Host, w.Status)
	}
}

// pause is how long nothing is sent after so many tries in vain: from a second
// to a minute, and ten where only another key or address can help.
func pause(tries int, err error) time.Duration {
	if _, refused := errors.AsType[*refusedError](err); refused {
		return 10 * time.Minute
	}
	return min(time.Second<<min(tries-1, 6), time.Minute)
}
