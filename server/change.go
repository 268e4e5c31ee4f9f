package server

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ChangeKind says what was changed.
type ChangeKind string

// The kinds of change.
const (
	ChangeDeploy ChangeKind = "deploy" // another version of the program
	ChangeFlag   ChangeKind = "flag"   // a feature flag
	ChangeConfig ChangeKind = "config" // a setting
	ChangeOther  ChangeKind = "other"
)

// ChangeKinds are all of them.
func ChangeKinds() []ChangeKind {
	return []ChangeKind{ChangeDeploy, ChangeFlag, ChangeConfig, ChangeOther}
}

// ChangeRequest reports a change that somebody has made to a service.
type ChangeRequest struct {
	ID      string     `json:"id"` // of the reporter's: the same one again replaces it
	Service string     `json:"service"`
	At      time.Time  `json:"at,omitzero"` // when it took effect; left out: now
	Kind    ChangeKind `json:"kind"`
	Title   string     `json:"title"`
	Author  string     `json:"author,omitempty"`
	Before  string     `json:"before,omitempty"`
	After   string     `json:"after,omitempty"`
	URL     string     `json:"url,omitempty"`
}

// Change is a change that was reported.
type Change struct {
	ChangeRequest

	Reporter string    `json:"reporter"` // whose token it was
	HeardAt  time.Time `json:"heard_at"`
	N        int64     `json:"n,omitempty"` // its number, of one that is listed
}

// ChangeQuery chooses among changes.
type ChangeQuery struct {
	Service string    // empty: of any service
	Since   time.Time // made at this time or later
	Limit   int       // 0: no limit
	After   int64     // only those that come after the one of this number; 0: all
}

// Changes keeps changes.
type Changes interface {
	// Report keeps a change, durably. It refuses one of a service that is not
	// there.
	Report(ctx context.Context, c Change) error
	// Reported lists changes, the one that was made last first.
	Reported(ctx context.Context, q ChangeQuery) ([]Change, error)
}

// early is how far ahead of ours the clocks of reporters may be.
const early = 5 * time.Minute

func (s *Server) report(r *http.Request, by Caller) (int, any, error) {
	req, err := read[ChangeRequest](r)
	if err != nil {
		return 0, nil, err
	}
	now := s.cfg.Now().UTC()
	c := Change{ChangeRequest: req, Reporter: by.Person, HeardAt: now}
	if c.At.IsZero() {
		c.At = now
	}
	c.At = c.At.UTC()
	if err := c.check(now); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, c, s.cfg.Changes.Report(r.Context(), c)
}

var changeID = regexp.MustCompile(`^[!-~]{1,200}$`)

func (c *Change) check(now time.Time) error {
	switch {
	case !changeID.MatchString(c.ID):
		return invalid("id must be 1 to 200 letters, digits or signs without spaces")
	case !slices.Contains(ChangeKinds(), c.Kind):
		return invalid("there is no kind of change %.80q: write %s", c.Kind, joined(ChangeKinds()))
	case c.Title == "":
		return invalid("the title is missing")
	case c.At.After(now.Add(early)):
		return invalid("it is said to have been made at %s, which is still to come", c.At.Format(time.RFC3339))
	case c.At.Before(time.Unix(0, 0)):
		return invalid("it is said to have been made at %s", c.At.Format(time.RFC3339))
	}
	for name, text := range map[string]string{"title": c.Title, "author": c.Author, "before": c.Before, "after": c.After, "url": c.URL} {
		if len(text) > 4096 {
			return invalid("%s is longer than 4096 bytes", name)
		}
	}
	if u, err := url.Parse(c.URL); c.URL != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil) {
		return invalid("url must be http or https, without a password")
	}
	return nil
}

func joined(kinds []ChangeKind) string {
	texts := make([]string, 0, len(kinds))
	for _, k := range kinds {
		texts = append(texts, string(k))
	}
	return strings.Join(texts, ", ")
}

func (s *Server) changes(r *http.Request, _ Caller) (int, any, error) {
	limit, after, err := pageOf(r)
	if err != nil {
		return 0, nil, err
	}
	q := ChangeQuery{Service: r.URL.Query().Get("service"), Limit: limit + 1, After: after}
	if text := r.URL.Query().Get("since"); text != "" {
		if q.Since, err = time.Parse(time.RFC3339, text); err != nil {
			return 0, nil, invalid("since is %.80q, not a time such as %s", text, "2026-11-27T09:00:00Z")
		}
	}
	all, err := s.cfg.Changes.Reported(r.Context(), q)
	all, more := cut(all, limit)
	return http.StatusOK, more.with(append([]Change{}, all...), func() string { return strconv.FormatInt(all[limit-1].N, 10) }), err
}
