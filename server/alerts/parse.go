package alerts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/firebreak-ops/firebreak/engine/service"
)

// Delivery is what one request holds.
type Delivery struct {
	Alerts []Alert
	Note   string // what it is when it holds no alert; else empty

	ID string    // that its source gives it, in what is signed; empty: none
	At time.Time // when it happened, by the same; zero: it does not say
}

// RefusedError says why a body is not what its source sends.
type RefusedError struct {
	Source string
	What   string
	Advice string // what to do about it; may be empty
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("this is not what source %s sends: %s", e.Source, e.What)
}

// Class is the kind of error, for machines.
func (e *RefusedError) Class() string { return "invalid" }

// Hint is what to do next; it may be empty.
func (e *RefusedError) Hint() string { return e.Advice }

// Parse reads the body of a request of a source. Its error is a
// [*RefusedError].
func Parse(s *service.Source, body []byte) (Delivery, error) {
	if !utf8.Valid(body) {
		return Delivery{}, &RefusedError{Source: s.Name, What: "it is not UTF-8", Advice: "send JSON"}
	}
	if at := bytes.TrimSpace(body); len(at) == 0 || at[0] != '{' {
		return Delivery{}, &RefusedError{Source: s.Name, What: "it is no JSON object", Advice: "send JSON: a form cannot be read"}
	}
	var d Delivery
	var err error
	switch s.Kind {
	case service.KindAlertmanager, service.KindGrafana:
		d, err = parsePrometheus(s, body)
	case service.KindPagerDuty:
		d, err = parsePagerDuty(s, body)
	case service.KindSNS:
		d, err = parseSNS(s, body)
	case service.KindJSON:
		d, err = parseMapped(s, body)
	default:
		err = fmt.Errorf("sources of the kind %q are not known", s.Kind)
	}
	if err == nil {
		return d, nil
	}
	refused, ok := errors.AsType[*RefusedError](err)
	if !ok {
		refused = &RefusedError{What: err.Error()}
	}
	refused.Source = s.Name
	return Delivery{}, refused
}

// decode reads a body into a struct. Fields that are not known are left out:
// newer senders say more.
func decode[T any](body []byte) (T, error) {
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		return v, fmt.Errorf("it cannot be read: %w", err)
	}
	return v, nil
}

func refusef(hint, format string, args ...any) error {
	return &RefusedError{What: fmt.Sprintf(format, args...), Advice: hint}
}
