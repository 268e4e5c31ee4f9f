package slack

import (
	"errors"
	"sync"
	"time"

	"github.com/slack-go/slack"
)

// forgive is for how long a place that was lost is not tried again.
const forgive = 2 * time.Minute

// health is what is known of the way to people.
type health struct {
	now func() time.Time

	mu     sync.Mutex
	places map[string]lostPlace
	token  error             // why nothing can be sent; nil: it can
	sock   map[int]socketing // by their number
	frame  time.Time         // when something came last

	posted, edited, limited, failed, heard, repeated int64
}

type lostPlace struct {
	err error
	at  time.Time
}

type socketing struct {
	connected bool
	err       error
}

func (h *health) count(n *int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*n++
}

// lose notes that a place cannot be reached; it reports whether that is news.
func (h *health) lose(place string, err error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, known := h.places[place]
	h.places[place] = lostPlace{err, h.now()}
	return !known
}

// lost reports whether a place cannot be reached. After a while it is tried
// again.
func (h *health) lost(place string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	l, ok := h.places[place]
	return ok && h.now().Sub(l.at) < forgive
}

// reached notes that something was sent.
func (h *health) reached(place string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.places, place)
	h.token = nil
}

// die notes that nothing can be sent; it reports whether that is news.
func (h *health) die(err error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	news := h.token == nil
	h.token = err
	return news
}

// dead is why nothing can be sent; nil: it can.
func (h *health) dead() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.token
}

// socket notes how a socket is. Without an error it is as it was why it is not
// connected.
func (h *health) socket(n int, connected bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !connected && err == nil {
		err = h.sock[n].err
	}
	h.sock[n] = socketing{connected, err}
	if connected {
		h.frame = h.now()
	}
}

// deaf is why nobody can answer: no socket is connected, and Slack refuses to
// open one; nil: somebody can, or will soon.
func (h *health) deaf() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var why error
	for _, s := range h.sock {
		_, said := errors.AsType[slack.SlackErrorResponse](s.err)
		switch {
		case s.connected:
			return nil
		case said && certain(s.err):
			why = s.err
		}
	}
	return why
}

// came notes that something came.
func (h *health) came(fresh bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.frame = h.now()
	if h.heard++; !fresh {
		h.repeated++
	}
}

// Status is how the way to people in Slack is.
type Status struct {
	OK      bool              `json:"ok"`
	Error   string            `json:"error,omitempty"`   // why nothing can be sent
	Lost    map[string]string `json:"lost,omitempty"`    // places that cannot be reached, and why
	Sockets int               `json:"sockets"`           // that are connected; of HTTP 0
	Socket  string            `json:"socket,omitempty"`  // why one is not
	LastAt  time.Time         `json:"last_at,omitzero"`  // when something came last
	Waiting int               `json:"waiting,omitempty"` // messages to be sent

	Posted   int64 `json:"posted"`
	Edited   int64 `json:"edited"`
	Limited  int64 `json:"limited"`  // how often Slack said: later
	Failed   int64 `json:"failed"`   // other errors
	Heard    int64 `json:"heard"`    // deliveries
	Repeated int64 `json:"repeated"` // of them, those that had come before
}

func (h *health) status(sockets bool) Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Status{
		OK: h.token == nil, LastAt: h.frame, Lost: map[string]string{},
		Posted: h.posted, Edited: h.edited, Limited: h.limited, Failed: h.failed, Heard: h.heard, Repeated: h.repeated,
	}
	if h.token != nil {
		s.Error = h.token.Error()
	}
	for place, l := range h.places {
		s.Lost[place], s.OK = l.err.Error(), false
	}
	for _, k := range h.sock {
		switch {
		case k.connected:
			s.Sockets++
		case k.err != nil:
			s.Socket = k.err.Error()
		}
	}
	s.OK = s.OK && (!sockets || s.Sockets > 0)
	return s
}
