package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/firebreak-ops/firebreak/engine"
)

// Problem is the body of every answer that is not 2xx.
//
//	400 invalid     the request makes no sense
//	401 unproven    no token, or one that is not good
//	403 refused     this person, or this token, may not do that now
//	404 not_found   there is no such run
//	409 stale       it came too late to matter
//	413 too_large   the request is over 1 MiB
//	429 too_often   ask again later
//	500 unreadable  something stored cannot be read
//	500 internal    a fault of firebreak
//	503 unready     runs do not go on here now
//	503 closed      the owner is closing: ask the next one
//	503 journal     the owner can no longer record what happens, and stops
type Problem struct {
	Text   string `json:"error"`
	Hint   string `json:"hint,omitempty"` // what to do next
	Class  string `json:"class"`
	Status int    `json:"-"`
}

func (p *Problem) Error() string { return p.Text }

// The classes that the server itself gives.
const (
	classInvalid  = "invalid"
	classRefused  = "refused"
	classStale    = "stale"
	classTooLarge = "too_large"
	classTooOften = "too_often"
	classUnproven = "unproven"
	classUnready  = "unready"
	classInternal = "internal"
)

// statuses of the classes.
func status(class string) int {
	switch class {
	case classInvalid:
		return http.StatusBadRequest
	case classUnproven:
		return http.StatusUnauthorized
	case classRefused:
		return http.StatusForbidden
	case "not_found":
		return http.StatusNotFound
	case classStale, "owned":
		return http.StatusConflict
	case classTooLarge:
		return http.StatusRequestEntityTooLarge
	case classTooOften:
		return http.StatusTooManyRequests
	case classUnready, "closed", "journal":
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// problem is how an error is told.
func problem(err error) *Problem {
	p := &Problem{Text: err.Error(), Class: classInternal}
	var (
		told    *Problem
		refused *engine.Refusal
		start   *engine.StartError
		large   *http.MaxBytesError
		classed interface{ Class() string }
		hinted  interface{ Hint() string }
	)
	switch {
	case errors.As(err, &told):
		*p = *told
	case errors.As(err, &refused):
		p.Class = classRefused
	case errors.As(err, &start):
		p.Class = classInvalid
	case errors.Is(err, engine.ErrStale):
		p.Class, p.Hint = classStale, "`firebreak runs show` tells where the run stands"
	case errors.As(err, &large):
		p.Class, p.Text = classTooLarge, fmt.Sprintf("the request is over %d bytes", large.Limit)
	case errors.As(err, &classed):
		p.Class = classed.Class()
	case errors.Is(err, context.Canceled):
		p.Class, p.Text = "closed", "the owner is closing"
	}
	if p.Hint == "" && errors.As(err, &hinted) {
		p.Hint = hinted.Hint()
	}
	p.Status = status(p.Class)
	return p
}

func invalid(format string, args ...any) error {
	return &Problem{Text: fmt.Sprintf(format, args...), Class: classInvalid}
}

// fail answers with an error.
func fail(w http.ResponseWriter, err error) {
	p := problem(err)
	switch p.Class {
	case classUnproven:
		w.Header().Set("WWW-Authenticate", `Bearer realm="firebreak"`)
	case classTooOften:
		w.Header().Set("Retry-After", "1")
	}
	reply(w, p.Status, p)
}

// reply answers with JSON. A client that has gone is no error of ours.
func reply(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer could not be encoded","class":"internal"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if _, err := w.Write(append(body, '\n')); err != nil {
		return
	}
}
