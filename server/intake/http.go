package intake

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/firebreak-ops/firebreak/engine/service"
	"github.com/firebreak-ops/firebreak/server/alerts"
)

// largest is how many bytes a body may have.
const largest = 1 << 20

const (
	// webhookID is the header by which PagerDuty tells a delivery from others.
	webhookID = "X-Webhook-Id"
	// longestID is how many bytes an id may have that is remembered.
	longestID = 200
	// known is for how long ids are remembered at least. What is older is not
	// taken: nobody could tell whether it is sent for the second time.
	known = 30 * 24 * time.Hour
)

// ServeHTTP takes a delivery of the source that the path names. It answers
//
//	202  it is stored, and will be decided
//	401  it does not prove that it comes from the source, or there is none
//	413  it is over 1 MiB
//	422  it is not what the source sends
//	503  it could not be stored: send it again
func (in *Intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := in.cfg.Sources[r.PathValue("source")]
	if s == nil || s.Signature == "" && !in.proven(s, r.Header, nil) {
		unproven(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largest))
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		answer(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is over %d bytes: send fewer alerts at once", large.Limit))
		return
	}
	if err != nil {
		answer(w, http.StatusBadRequest, "the body did not come to its end")
		return
	}
	if s.Signature != "" && !in.proven(s, r.Header, body) {
		unproven(w)
		return
	}
	entries, d, refused := in.entries(s, body)
	if id := r.Header.Get(webhookID); s.Kind == service.KindPagerDuty && id != "" && len(id) <= longestID {
		d.IDs = append(d.IDs, webhookID+" "+id)
	}
	again, err := in.cfg.Shelf.Keep(r.Context(), d, entries)
	if err != nil {
		in.cfg.Warn(fmt.Errorf("an alert of source %s could not be stored: %w", s.Name, err))
		w.Header().Set("Retry-After", "5")
		answer(w, http.StatusServiceUnavailable, "it could not be stored: send it again")
		return
	}
	if again {
		accept(w, 0)
		return
	}
	if refused != nil {
		in.cfg.Told(r.Context(), &entries[0])
		answer(w, http.StatusUnprocessableEntity, refused.Error())
		return
	}
	in.wake()
	accept(w, len(entries))
}

// accept says how much was stored.
func accept(w http.ResponseWriter, stored int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, "{\"stored\":%d}\n", stored)
}

// proven asks for the secrets anew each time, so that one in a file can be
// changed while this runs. One that cannot be read fits nothing.
func (in *Intake) proven(s *service.Source, h http.Header, body []byte) bool {
	secrets := make([]string, 0, len(s.Secrets))
	for _, ref := range s.Secrets {
		secret, err := in.cfg.Secret(ref)
		if err != nil {
			in.cfg.Warn(fmt.Errorf("source %s: %w", s.Name, err))
			continue
		}
		secrets = append(secrets, secret)
	}
	return alerts.Proven(s, secrets, h, body)
}

// entries are what a body is stored as; refused is why it is no delivery.
func (in *Intake) entries(s *service.Source, body []byte) (entries []Entry, of Delivery, refused error) {
	at := in.now()
	of = Delivery{Source: s.Name, At: at}
	d, err := alerts.Parse(s, body)
	if d.ID != "" && len(d.ID) <= longestID {
		of.IDs = append(of.IDs, d.ID)
	}
	if !d.At.IsZero() && at.Sub(d.At) >= known {
		d = alerts.Delivery{Note: "it happened at " + d.At.UTC().Format(time.RFC3339) + ", which is too long ago to be sent now"}
	}
	for i := range d.Alerts {
		var e Entry
		if e, err = entryOf(&d.Alerts[i], at); err != nil {
			break
		}
		entries = append(entries, e)
	}
	switch {
	case err != nil:
		return []Entry{noteOf(s.Name, body, Refused, err.Error(), at)}, Delivery{}, err
	case d.Note != "":
		return []Entry{noteOf(s.Name, body, Note, d.Note, at)}, of, nil
	}
	return entries, of, nil
}

func unproven(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="firebreak"`)
	answer(w, http.StatusUnauthorized, "there is no such source, or this does not prove that it comes from it")
}

// answer says why a delivery was not taken. A sender that has gone is no error
// of ours.
func answer(w http.ResponseWriter, status int, text string) {
	body, err := json.Marshal(map[string]string{"error": text})
	if err != nil {
		body = []byte(`{}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(append(body, '\n')); err != nil {
		return
	}
}
