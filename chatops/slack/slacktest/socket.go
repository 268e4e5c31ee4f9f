package slacktest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxSockets  = 10
	ticketLife  = 30 * time.Second
	pingEvery   = 5 * time.Second // of real time: a connection, not Slack, is looked at
	writeWithin = 10 * time.Second
)

// socket is one connection of Socket Mode.
type socket struct {
	conn *websocket.Conn
	out  chan []byte
	gone chan struct{}
	once sync.Once

	// Held by the server's lock.
	dead    bool // half open: nothing comes and nothing is heard
	leaving bool // told to go: it gets nothing new
}

func (k *socket) drop() {
	k.once.Do(func() {
		close(k.gone)
		_ = k.conn.Close()
	})
}

// send queues a frame; a client that reads nothing for long loses its socket.
func (k *socket) send(frame any) {
	select {
	case k.out <- encode(frame):
	case <-k.gone:
	default:
		k.drop()
	}
}

func connectionsOpen(c *call) (result, *refusal) {
	if c.linkOff {
		return nil, refuse("socket_mode_disabled")
	}
	ticket := random(16)
	c.tickets[ticket] = c.clock.Now()
	q := url.Values{"ticket": {ticket}, "app_id": {App}}
	return result{"url": strings.Replace(c.base, "http", "ws", 1) + "/link/?" + q.Encode()}, nil
}

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

// link is where sockets connect. A ticket is good for one.
func (s *Server) link(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	s.mu.Lock()
	made, known := s.tickets[ticket]
	delete(s.tickets, ticket)
	usable := known && !s.closed && s.clock.Now().Sub(made) <= ticketLife
	if !usable {
		s.notef("socket", "link", "refused: the ticket is unknown, used or too old")
	}
	s.mu.Unlock()
	if !usable {
		http.Error(w, "expired_ticket", http.StatusForbidden)
		return
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	k := &socket{conn: conn, out: make(chan []byte, 1024), gone: make(chan struct{})}
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		k.drop()
		return
	case len(s.sockets) == maxSockets:
		s.notef("socket", "link", "refused: there are %d already", maxSockets)
		k.leaving = true
		k.send(farewell("too_many_websockets"))
	default:
		s.sockets = append(s.sockets, k)
		s.notef("socket", "hello", "%d open", len(s.sockets))
		k.send(result{
			"type": "hello", "num_connections": len(s.sockets), "connection_info": result{"app_id": App},
			"debug_info": result{"host": "applink-test", "build_number": 10, "approximate_connection_time": 18060},
		})
	}
	// Sockets are never more than Close will wait for: it sets closed first.
	s.tasks.Add(2)
	s.touch()
	s.mu.Unlock()
	go func() {
		defer s.tasks.Done()
		s.writing(k)
	}()
	go func() {
		defer s.tasks.Done()
		s.reading(k)
	}()
}

func farewell(reason string) result {
	return result{
		"type": "disconnect", "reason": reason, "debug_info": result{"host": "applink-test"},
		"connection_info": result{"app_id": App},
	}
}

func (s *Server) isDead(k *socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return k.dead
}

func (s *Server) writing(k *socket) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	_ = k.conn.WriteControl(websocket.PingMessage, []byte("Ping from applink-test"), time.Now().Add(writeWithin))
	for {
		var frame []byte
		kind := websocket.TextMessage
		select {
		case <-k.gone:
			return
		case frame = <-k.out:
		case <-ping.C:
			kind, frame = websocket.PingMessage, []byte("Ping from applink-test")
		}
		if s.isDead(k) {
			continue
		}
		_ = k.conn.SetWriteDeadline(time.Now().Add(writeWithin))
		if k.conn.WriteMessage(kind, frame) != nil {
			k.drop()
			return
		}
	}
}

func (s *Server) reading(k *socket) {
	defer func() {
		k.drop()
		s.change(func() {
			before := len(s.sockets)
			s.sockets = slices.DeleteFunc(s.sockets, func(o *socket) bool { return o == k })
			if len(s.sockets) < before {
				s.notef("socket", "gone", "%d open", len(s.sockets))
			}
		})
	}()
	k.conn.SetPingHandler(func(data string) error {
		if s.isDead(k) {
			return nil
		}
		return k.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeWithin))
	})
	for {
		_, frame, err := k.conn.ReadMessage()
		if err != nil {
			return
		}
		s.change(func() { s.heard(k, frame) })
	}
}

// heard takes an acknowledgement. The lock is held.
func (s *Server) heard(k *socket, frame []byte) {
	if k.dead {
		return
	}
	var ack struct {
		Envelope string          `json:"envelope_id"`
		Payload  json.RawMessage `json:"payload"`
	}
	if json.Unmarshal(frame, &ack) != nil || ack.Envelope == "" {
		s.notef("socket", "frame", "not an acknowledgement: %.100s", frame)
		return
	}
	a := s.inFlight[ack.Envelope]
	switch {
	case len(frame) >= maxSocketSize:
		s.notef("socket", ack.Envelope, "dropped: %d bytes are too many", len(frame))
		return
	case a == nil:
		s.notef("socket", ack.Envelope, "acknowledged, but is not open")
		return
	case a.socket != k:
		s.notef("socket", ack.Envelope, "acknowledged over another socket: does not count")
		return
	}
	delete(s.inFlight, ack.Envelope)
	a.stop()
	s.notef("socket", a.Kind, "acknowledged")
	payload := ack.Payload
	if a.Kind == "events_api" || string(payload) == "null" {
		payload = nil
	}
	s.settle(a, payload, "")
}

// push sends an attempt over the socket whose turn it is. The lock is held.
func (s *Server) push(a *attempt, reason string) {
	var able []*socket
	for _, k := range s.sockets {
		if !k.leaving {
			able = append(able, k)
		}
	}
	if len(able) == 0 {
		s.failed(a, "connection_failed", "dispatch_failed")
		return
	}
	s.turn++
	a.socket = able[s.turn%len(able)]
	a.envelope = random(8)
	s.inFlight[a.envelope] = a
	frame := result{
		"envelope_id": a.envelope, "type": a.Kind, "payload": a.payload, "accepts_response_payload": a.Kind != "events_api",
	}
	if a.Kind == "events_api" {
		frame["retry_attempt"], frame["retry_reason"] = a.attempts-1, reason
	}
	a.stop = s.clock.after(answerWithin, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.inFlight[a.envelope] == a {
			delete(s.inFlight, a.envelope)
			s.failed(a, "timeout", "operation_timeout")
		}
	})
	s.notef("socket", a.Kind, "sent%s", map[bool]string{true: " as a duplicate"}[a.copy])
	a.socket.send(frame)
}

// Sockets is how many are open.
func (s *Server) Sockets() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets)
}

// DropSocket cuts the oldest socket without a word, and says whether there
// was one.
func (s *Server) DropSocket() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sockets) == 0 {
		return false
	}
	k := s.sockets[0]
	s.sockets = s.sockets[1:]
	s.notef("socket", "dropped", "%d open", len(s.sockets))
	k.drop()
	s.touch()
	return true
}

// HalfOpen makes the oldest socket fall silent, as when a machine between has
// gone: it stays open, nothing comes, nothing is heard. It says whether there
// was one.
func (s *Server) HalfOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.sockets {
		if !k.dead {
			k.dead = true
			s.notef("socket", "half open", "")
			return true
		}
	}
	return false
}

// Disconnect tells all sockets to go: "warning" leaves them open for those
// who go by themselves, "refresh_requested" gives them ten seconds, and
// "link_disabled" switches Socket Mode off.
func (s *Server) Disconnect(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.linkOff = s.linkOff || reason == "link_disabled"
	for _, k := range s.sockets {
		k.leaving = true
		if !k.dead {
			k.send(farewell(reason))
		}
		if reason != "warning" {
			s.clock.after(10*time.Second, k.drop)
		}
	}
	s.notef("socket", "disconnect", "%s", reason)
	s.touch()
}

// EnableSocketMode switches it on again after "link_disabled".
func (s *Server) EnableSocketMode() { s.change(func() { s.linkOff = false }) }
