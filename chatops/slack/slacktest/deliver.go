package slacktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Delivery is something that this Slack tells the app.
type Delivery struct {
	Kind        string // slash_commands, interactive or events_api
	TriggerID   string
	ResponseURL string
	EventID     string
	payload     result
	values      url.Values                   // the form that stands for it over HTTP; nil: JSON
	then        func(answer json.RawMessage) // what the app's answer does, with the lock held
	attempts    int                          // so far
	settled     bool
	reply       Reply
	done        chan struct{}
}

// Reply is how the app took a delivery.
type Reply struct {
	Payload  json.RawMessage `json:"payload"`  // what it answered with, null where nothing
	Attempts int             `json:"attempts"` // how often it was sent
	// Error is empty where the app acknowledged. Otherwise what the person
	// sees: operation_timeout, dispatch_failed (nobody is connected),
	// http_service_error.
	Error string `json:"error"`
}

// Wait waits until the app has acknowledged, or this Slack has given up.
func (d *Delivery) Wait(ctx context.Context) (Reply, error) {
	select {
	case <-d.done:
		return d.reply, nil
	case <-ctx.Done():
		return Reply{}, fmt.Errorf("the app did not acknowledge %s: %w", d.Kind, ctx.Err())
	}
}

// attempt is one sending of a delivery.
type attempt struct {
	*Delivery
	envelope string
	socket   *socket
	copy     bool // a duplicate, whose answer changes nothing
	stop     func()
}

// Events are sent again after these pauses; interactions are not.
var pauses = []time.Duration{0, time.Minute, 5 * time.Minute}

// deliver sends d to the app. The lock is held.
func (s *Server) deliver(d *Delivery) *Delivery {
	d.done = make(chan struct{})
	times := 1
	if s.duplicate > 0 {
		s.duplicate--
		times = 2
	}
	send := func() {
		for i := range times {
			s.attempt(d, i > 0, "")
		}
	}
	if s.holding {
		s.held = append(s.held, send)
	} else {
		send()
	}
	s.touch()
	return d
}

// attempt sends d once. The lock is held.
func (s *Server) attempt(d *Delivery, double bool, reason string) {
	if s.closed {
		return
	}
	if !double {
		d.attempts++
	}
	a := &attempt{Delivery: d, copy: double}
	if s.requestURL != "" {
		s.post(a, reason)
		return
	}
	s.push(a, reason)
}

// settle ends a delivery. The lock is held.
func (s *Server) settle(a *attempt, payload json.RawMessage, failure string) {
	if a.copy || a.settled {
		return
	}
	a.settled = true
	if failure == "" && a.then != nil {
		said := payload
		if len(said) == 0 {
			said = json.RawMessage("{}")
		}
		a.then(said)
	}
	a.reply = Reply{Payload: payload, Attempts: a.attempts, Error: failure}
	close(a.done)
	s.touch()
}

// failed sends a delivery again where Slack would, or gives up. The lock is
// held.
func (s *Server) failed(a *attempt, reason, failure string) {
	s.notef("delivery", a.Kind, "%s: %s", reason, failure)
	s.touch()
	if a.copy || a.settled {
		return
	}
	if s.closed || a.Kind != "events_api" || a.attempts > len(pauses) {
		s.settle(a, nil, failure)
		return
	}
	again := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.attempt(a.Delivery, false, reason)
	}
	if pause := pauses[a.attempts-1]; pause > 0 {
		s.clock.after(pause, again)
		return
	}
	s.tasks.Go(again) // the lock is held here
}

// DuplicateNext sends the next delivery twice, the second time in an envelope
// of its own and, where there are two, over another socket.
func (s *Server) DuplicateNext() { s.change(func() { s.duplicate++ }) }

// Hold keeps deliveries back until Release.
func (s *Server) Hold() { s.change(func() { s.holding = true }) }

// Release sends what was held back, in order or in the reverse order.
func (s *Server) Release(reverse bool) {
	s.change(func() {
		if reverse {
			slices.Reverse(s.held)
		}
		for _, send := range s.held {
			send()
		}
		s.holding, s.held = false, nil
	})
}

// TamperNext lets f change the next HTTP request to the app after it was
// signed.
func (s *Server) TamperNext(f func(*http.Request)) {
	s.change(func() { s.tamper = append(s.tamper, f) })
}

var errNotHTTP = errors.New("this Slack has sent the app no HTTP request; see UseHTTP")
