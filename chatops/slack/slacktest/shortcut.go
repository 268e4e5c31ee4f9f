package slacktest

import (
	"errors"
	"fmt"
	"net/url"
)

// Shortcut is one of the app's that a person picks: from anywhere, or on a
// message.
type Shortcut struct {
	User    string `json:"user"`
	ID      string `json:"callback_id"`
	Channel string `json:"channel"` // of the message
	TS      string `json:"ts"`      // empty: from anywhere
}

// Shortcut picks one. It returns when it is on its way.
func (s *Server) Shortcut(in Shortcut) (*Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.user(in.User); u == nil || u.Deactivated {
		return nil, fmt.Errorf("nobody has the id %q here", in.User)
	}
	d := &Delivery{Kind: "interactive", TriggerID: s.newTrigger(in.User)}
	d.payload = result{
		"type": "shortcut", "token": legacyToken, "action_ts": s.nextTS(), "team": result{"id": Team, "domain": "firebreak-test"},
		"user": s.who(in.User), "callback_id": in.ID, "trigger_id": d.TriggerID, "enterprise": nil, "is_enterprise_install": false,
	}
	if in.TS != "" {
		ch, err := s.present(in.User, in.Channel)
		if err != nil {
			return nil, err
		}
		m := s.message(ch.ID, in.TS)
		if m == nil || m.Ephemeral != "" {
			return nil, errors.New("there is no such message")
		}
		d.ResponseURL = s.newResponseURL(&responseURL{user: in.User, channel: ch.ID, thread: m.ThreadTS})
		d.payload["type"], d.payload["message"], d.payload["message_ts"] = "message_action", s.wire(m), m.TS
		d.payload["channel"], d.payload["response_url"] = result{"id": ch.ID, "name": ch.Name}, d.ResponseURL
	}
	d.values = url.Values{"payload": {string(encode(d.payload))}}
	s.notef("person", in.User, "picks the shortcut %s", in.ID)
	return s.deliver(d), nil
}

// React puts an emoji on a message, as people do. The delivery is that of the
// event; nil where the app has not subscribed to it.
func (s *Server) React(user, channel, ts, name string) (*Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch, err := s.present(user, channel)
	if err != nil {
		return nil, err
	}
	m := s.message(ch.ID, ts)
	if m == nil || m.Ephemeral != "" {
		return nil, errors.New("there is no such message")
	}
	s.notef("person", user, "reacts with %s", name)
	return s.event("reaction_added", result{
		"type": "reaction_added", "user": user, "reaction": name, "item_user": m.User, "event_ts": s.nextTS(),
		"item": result{"type": "message", "channel": ch.ID, "ts": m.TS},
	}), nil
}
