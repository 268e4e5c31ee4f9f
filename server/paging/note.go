package paging

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firebreak-ops/firebreak/engine/service"
)

// rest is the address of PagerDuty's REST API.
const rest = "https://api.pagerduty.com"

const (
	// notesFor is for how long a note is tried to be written.
	notesFor = 24 * time.Hour
	// maxNotes is how many bytes of an incident's notes are read.
	maxNotes = 4 << 20
)

// Note is what is written on the incident that an alert came from.
type Note struct {
	N        int64  // given by the outbox
	Key      string // the same one is written once
	Source   string // of the alert, whose configuration says how
	Incident string
	Text     string
	At       time.Time
	ClosedAt time.Time // zero: it is still to be written
	Tries    int
	NextAt   time.Time // not before
	Error    string    // of the last try
}

// NoteBox keeps notes. Its methods may be called at the same time.
type NoteBox interface {
	// PutNotes stores notes, those that are new by their key, and returns when
	// they are durable.
	PutNotes(ctx context.Context, all []Note) error
	// LiveNotes returns those that are still to be written, the oldest first.
	LiveNotes(ctx context.Context) ([]Note, error)
	// SettleNote stores how far a note has come, durably.
	SettleNote(ctx context.Context, n Note) error
}

// NoterConfig is what a Noter needs. Every field is required unless it says
// otherwise.
type NoterConfig struct {
	Box     NoteBox
	Sources map[string]*service.Source
	Secret  func(reference string) (string, error) // reads a secret; it is asked for every note
	Warn    func(err error)                        // hears what nobody else does
	Client  *http.Client                           // nil: one that waits for ten seconds
	Now     func() time.Time                       // nil: time.Now
}

// Noter writes notes on incidents while Run runs. It never acknowledges one,
// nor resolves it.
type Noter struct {
	cfg  NoterConfig
	more chan struct{} // something was put
}

// NewNoter returns a noter.
func NewNoter(cfg NoterConfig) *Noter {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Client == nil {
		cfg.Client = newClient()
	}
	return &Noter{cfg: cfg, more: make(chan struct{}, 1)}
}

// Put stores notes and returns when they are durable: they will be written, by
// this noter or by the next one.
func (n *Noter) Put(ctx context.Context, all []Note) error {
	if len(all) == 0 {
		return nil
	}
	for i := range all {
		all[i].At = n.now()
	}
	if err := n.cfg.Box.PutNotes(ctx, all); err != nil {
		return fmt.Errorf("note what runs do: %w", err)
	}
	select {
	case n.more <- struct{}{}:
	default: // it will look anyway
	}
	return nil
}

// Run writes notes until ctx ends.
func (n *Noter) Run(ctx context.Context) {
	for ctx.Err() == nil {
		timer := time.NewTimer(n.pass(ctx))
		select {
		case <-n.more:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// pass writes what is due: notes of one incident one after the other, as they
// came, incidents side by side. It returns when to look again.
func (n *Noter) pass(ctx context.Context) time.Duration {
	live, err := n.cfg.Box.LiveNotes(ctx)
	if err != nil {
		n.warn(ctx, err)
		return lookEvery
	}
	incidents := map[string][]Note{}
	for _, note := range live {
		key := note.Source + " " + note.Incident
		incidents[key] = append(incidents[key], note)
	}
	group := errgroup.Group{}
	group.SetLimit(callsAtOnce)
	for _, notes := range incidents {
		group.Go(func() error {
			for i := range notes {
				if !n.step(ctx, &notes[i]) {
					break
				}
			}
			return nil
		})
	}
	_ = group.Wait() // they say themselves what went wrong
	next := time.Hour
	for _, notes := range incidents {
		for _, note := range notes {
			if note.ClosedAt.IsZero() {
				next = min(next, max(note.NextAt.Sub(n.now()), 0))
				break // those behind it wait for it
			}
		}
	}
	return next
}

// step takes a note as far as it goes now. It reports whether it is closed.
func (n *Noter) step(ctx context.Context, note *Note) bool {
	if n.now().Before(note.NextAt) || ctx.Err() != nil {
		return false
	}
	err := n.write(ctx, note)
	_, refused := errors.AsType[*refusedError](err)
	switch {
	case err == nil:
		note.ClosedAt, note.Error = n.now(), ""
	case ctx.Err() != nil:
		return false // the next owner tries
	default:
		note.Tries++
		note.Error, note.NextAt = err.Error(), n.now().Add(pause(note.Tries, nil))
		if refused || n.now().Sub(note.At) > notesFor {
			note.ClosedAt = n.now()
		}
		if note.Tries == 1 {
			n.warn(ctx, fmt.Errorf("a note on incident %s could not be written: %w", note.Incident, err))
		}
	}
	if err := n.cfg.Box.SettleNote(context.WithoutCancel(ctx), *note); err != nil {
		n.warn(ctx, err)
		return false
	}
	return !note.ClosedAt.IsZero()
}

// pagerDutyNote is a note as PagerDuty's REST API has it.
type pagerDutyNote struct {
	Content string `json:"content"`
}

// write writes a note. What may have been written by a try before is looked for
// first: PagerDuty takes the same note twice.
func (n *Noter) write(ctx context.Context, note *Note) error {
	s := n.cfg.Sources[note.Source]
	if s == nil || s.Notes == nil {
		return &refusedError{"source " + note.Source + " has no notes any more"}
	}
	if note.Tries > 0 {
		there, err := n.call(ctx, s, note, http.MethodGet, nil)
		var all struct {
			Notes []pagerDutyNote `json:"notes"`
		}
		if err == nil {
			err = json.Unmarshal(there, &all)
		}
		if err != nil {
			return err
		}
		for _, one := range all.Notes {
			if one.Content == note.Text {
				return nil
			}
		}
	}
	body, err := json.Marshal(map[string]pagerDutyNote{"note": {note.Text}})
	if err != nil {
		return err
	}
	_, err = n.call(ctx, s, note, http.MethodPost, body)
	return err
}

// call calls the notes of an incident and returns the answer.
func (n *Noter) call(ctx context.Context, s *service.Source, note *Note, method string, body []byte) ([]byte, error) {
	token, err := n.cfg.Secret(s.Notes.Token)
	if err != nil {
		return nil, err
	}
	base := s.Notes.URL
	if base == "" {
		base = rest
	}
	r, err := http.NewRequestWithContext(ctx, method, base+"/incidents/"+url.PathEscape(note.Incident)+"/notes", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Token token="+token)
	r.Header.Set("Accept", "application/vnd.pagerduty+json;version=2")
	r.Header.Set("Content-Type", "application/json")
	if s.Notes.From != "" {
		r.Header.Set("From", s.Notes.From)
	}
	w, err := n.cfg.Client.Do(r)
	if err != nil {
		return nil, err
	}
	defer w.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(w.Body, maxNotes))
	switch {
	case err != nil:
		return nil, err
	case w.StatusCode == http.StatusOK || w.StatusCode == http.StatusCreated:
		return answer, nil
	case w.StatusCode == http.StatusBadRequest || w.StatusCode == http.StatusNotFound:
		return nil, &refusedError{fmt.Sprintf("%s answers %s: %s", r.URL.Host, w.Status, strings.ReplaceAll(clip(string(answer), 300), token, "…"))}
	default:
		return nil, fmt.Errorf("%s answers %s", r.URL.Host, w.Status)
	}
}

func (n *Noter) warn(ctx context.Context, err error) {
	if ctx.Err() == nil {
		n.cfg.Warn(err)
	}
}

func (n *Noter) now() time.Time { return n.cfg.Now().UTC() }
