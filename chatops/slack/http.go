package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"
)

// largest is how many bytes a request of Slack's may have.
const largest = 1 << 20

// window is how old a request may be; as long its signature is remembered.
const window = 5 * time.Minute

// ServeHTTP takes what Slack sends to POST /v1/slack: events, commands and what
// is pressed or filled in. It answers once that is stored.
//
//	401  it is not signed by Slack, or too old
//	409  it was heard before
//	422  it is nothing that Slack sends
//	503  it could not be stored: send it again
func (b *Bot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largest))
	if err != nil {
		http.Error(w, "the body is too large, or did not come to its end", http.StatusRequestEntityTooLarge)
		return
	}
	form, isForm := formOf(r.Header, body)
	if form.Get("ssl_check") == "1" { // Slack looks at our certificate, and does not sign that
		w.WriteHeader(http.StatusOK)
		return
	}
	status, again, err := b.proven(r.Header, body)
	if err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	if again { // a delivery that is repeated has a signature of its own
		http.Error(w, "that was heard before", http.StatusConflict)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), heardFor)
	defer cancel()
	var answer any
	if isForm {
		answer, err = b.takenForm(ctx, r, form)
	} else {
		answer, err = b.takenEvent(ctx, r, body)
	}
	var unknown *unknownError
	switch {
	case errors.As(err, &unknown): // it is Slack's, and would come again
		b.cfg.Warn(fmt.Errorf("slack: %w", err))
		answer = nil
	case errors.Is(err, errUnread):
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	case err != nil:
		b.replays.forget(r.Header)
		b.cfg.Warn(fmt.Errorf("slack: %w", err))
		http.Error(w, "it could not be stored: send it again", http.StatusServiceUnavailable)
		return
	}
	if answer == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(raw) // whoever asked may have gone
}

// errUnread says that a request is signed and makes no sense.
var errUnread = errors.New("it cannot be read")

// proven finds out whether a request is Slack's: signed, over the bytes as they
// came, and new.
func (b *Bot) proven(h http.Header, body []byte) (status int, again bool, err error) {
	secret, err := b.cfg.Secret(b.cfg.Slack.SigningSecret)
	if err != nil {
		b.cfg.Warn(fmt.Errorf("slack: chat.slack.signing_secret: %w", err))
		return http.StatusServiceUnavailable, false, errors.New("it cannot be proven now")
	}
	v, err := slack.NewSecretsVerifier(h, secret)
	if err == nil {
		if _, err = v.Write(body); err == nil {
			err = v.Ensure()
		}
	}
	if err != nil {
		return http.StatusUnauthorized, false, errors.New("it does not prove that it comes from Slack")
	}
	return 0, b.replays.seen(h), nil
}

// formOf is what is filled in in a request that says that it is a form. It reads
// the body alone: what stands in the address is signed by nobody. Of one that
// cannot be read it is empty.
func formOf(h http.Header, body []byte) (f url.Values, isForm bool) {
	if !strings.HasPrefix(h.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return nil, false
	}
	f, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, true
	}
	return f, true
}

// takenForm stores what a form says, and returns what it is answered.
func (b *Bot) takenForm(ctx context.Context, r *http.Request, f url.Values) (any, error) {
	var d *delivery
	var err error
	switch {
	case f.Has("payload"):
		if d, err = interaction([]byte(f.Get("payload"))); err != nil {
			if _, unknown := errors.AsType[*unknownError](err); unknown {
				return nil, err
			}
			return nil, errUnread
		}
	case f.Has("command"):
		d = slash(f)
	default:
		return nil, errUnread
	}
	return b.overHTTP(ctx, r, d)
}

// takenEvent stores an event, and returns what it is answered.
func (b *Bot) takenEvent(ctx context.Context, r *http.Request, body []byte) (any, error) {
	_, _, self := b.we()
	d, o, err := event(body, self)
	switch {
	case err != nil:
		return nil, errUnread
	case o.Type == "url_verification":
		return map[string]string{"challenge": o.Challenge}, nil
	case d == nil:
		return nil, nil
	}
	return b.overHTTP(ctx, r, d)
}

// overHTTP notes how a delivery came, and hears it.
func (b *Bot) overHTTP(ctx context.Context, r *http.Request, d *delivery) (any, error) {
	d.Transport = "http"
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		d.IP = host
	}
	return response(b.hear(ctx, d))
}

// replays are the signatures of the last minutes.
type replays struct {
	now func() time.Time

	mu   sync.Mutex
	when map[string]time.Time
}

func newReplays(now func() time.Time) *replays {
	return &replays{now: now, when: map[string]time.Time{}}
}

func signed(h http.Header) string {
	return h.Get("X-Slack-Request-Timestamp") + " " + strings.ToLower(h.Get("X-Slack-Signature"))
}

// seen reports whether a request has come before, and remembers it.
func (r *replays) seen(h http.Header) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for s, at := range r.when {
		if now.Sub(at) > 2*window {
			delete(r.when, s)
		}
	}
	_, again := r.when[signed(h)]
	r.when[signed(h)] = now
	return again
}

// forget takes a request back that could not be dealt with.
func (r *replays) forget(h http.Header) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.when, signed(h))
}
