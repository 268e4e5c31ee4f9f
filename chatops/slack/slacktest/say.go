package slacktest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Say is a message that a person writes.
type Say struct {
	User    string `json:"user"`
	Channel string `json:"channel"` // empty: to the app, directly
	Text    string `json:"text"`    // @name mentions
	Thread  string `json:"thread_ts"`
}

// Say writes a message. The delivery is that of the event to the app; nil
// where the app is told of none.
func (s *Server) Say(in Say) (Message, *Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.Channel == "" {
		if ch := s.direct(in.User); ch != nil {
			in.Channel = ch.ID
		}
	}
	ch, err := s.present(in.User, in.Channel)
	switch {
	case err != nil:
		return Message{}, nil, err
	case ch.Archived:
		return Message{}, nil, fmt.Errorf("#%s is archived", ch.Name)
	case in.Thread != "" && s.message(ch.ID, in.Thread) == nil:
		return Message{}, nil, fmt.Errorf("there is no thread %s in #%s", in.Thread, ch.Name)
	}
	escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(in.Text)
	m := &Message{Channel: ch.ID, ThreadTS: in.Thread, User: in.User, Text: s.refer(escaped, false)}
	s.put(m)
	s.notef("person", in.User, "writes %q in %s", in.Text, ch.ID)
	kind, subscription := "app_mention", "app_mention"
	switch {
	case ch.with != "":
		kind, subscription = "message", "message.im"
	case !strings.Contains(m.Text, "<@"+BotUser+">") || !ch.has(BotUser):
		s.touch()
		return m.clone(), nil, nil
	}
	event := result{
		"type": kind, "user": in.User, "text": m.Text, "ts": m.TS, "team": Team, "channel": ch.ID, "event_ts": m.TS,
		"client_msg_id": random(16),
		"blocks":        []result{{"type": "rich_text", "block_id": random(3), "elements": []result{{"type": "rich_text_section", "elements": []result{{"type": "text", "text": in.Text}}}}}},
	}
	if kind == "message" {
		event["channel_type"] = "im"
	}
	if m.ThreadTS != "" {
		event["thread_ts"] = m.ThreadTS
	}
	return m.clone(), s.event(subscription, event), nil
}

// OpenHome opens the app's Home. The delivery is as with Say.
func (s *Server) OpenHome(user string) *Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.direct(user)
	if ch == nil {
		return nil
	}
	return s.event("app_home_opened", result{
		"type": "app_home_opened", "user": user, "channel": ch.ID, "tab": "home", "event_ts": s.nextTS(),
	})
}

// event tells the app of one that it has subscribed to. The lock is held.
func (s *Server) event(subscription string, event result) *Delivery {
	if !slices.Contains(s.cfg.Events, subscription) {
		s.touch()
		return nil
	}
	id := "Ev" + random(6)
	return s.deliver(&Delivery{Kind: "events_api", EventID: id, payload: result{
		"token": legacyToken, "team_id": Team, "api_app_id": App, "event": event, "type": "event_callback", "event_id": id,
		"event_time": s.clock.Now().Unix(), "is_ext_shared_channel": false, "event_context": "4-" + random(16),
		"authorizations": []result{{"enterprise_id": nil, "team_id": Team, "user_id": BotUser, "is_bot": true, "is_enterprise_install": false}},
	}})
}

var named = regexp.MustCompile(`[@#][\w-]+`)

// refer makes names into references, as Slack's client does. The lock is
// held.
func (s *Server) refer(text string, withName bool) string {
	return named.ReplaceAllStringFunc(text, func(word string) string {
		name := word[1:]
		suffix := ""
		if withName {
			suffix = "|" + name
		}
		if word[0] == '#' {
			if ch := s.channel(name); ch != nil && ch.Name == name {
				return "<#" + ch.ID + suffix + ">"
			}
			return word
		}
		for i := range s.users {
			if s.users[i].Name == name {
				return "<@" + s.users[i].ID + suffix + ">"
			}
		}
		for _, g := range s.groups {
			if g.Handle == name {
				return "<!subteam^" + g.ID + "|@" + name + ">"
			}
		}
		return word
	})
}
