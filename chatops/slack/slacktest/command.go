package slacktest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
)

// Command is a slash command that a person types.
type Command struct {
	User    string `json:"user"`
	Channel string `json:"channel"`
	Command string `json:"command"` // /runbook where empty
	Text    string `json:"text"`
	Thread  string `json:"thread_ts"` // where it is typed into a thread, which Slack refuses
}

// Command types a slash command. It returns when it is on its way; errors are
// what Slack's client would not let a person do.
func (s *Server) Command(c Command) (*Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Command == "" {
		c.Command = "/runbook"
	}
	ch, err := s.present(c.User, c.Channel)
	switch {
	case err != nil:
		return nil, err
	case c.Thread != "":
		return nil, fmt.Errorf("%s is not supported in threads", c.Command)
	case !slices.Contains(s.cfg.Commands, c.Command):
		return nil, fmt.Errorf("%s is not a valid command", c.Command)
	case ch.Archived:
		return nil, fmt.Errorf("#%s is archived", ch.Name)
	}
	text := c.Text
	if s.cfg.Escape {
		text = s.refer(text, true)
	}
	name := ch.Name
	switch {
	case ch.with != "":
		name = "directmessage"
	case ch.Private:
		name = "privategroup"
	}
	d := &Delivery{Kind: "slash_commands", TriggerID: s.newTrigger(c.User)}
	u := &responseURL{user: c.User, channel: ch.ID}
	d.ResponseURL = s.newResponseURL(u)
	d.payload = result{
		"token": legacyToken, "team_id": Team, "team_domain": "firebreak-test", "channel_id": ch.ID, "channel_name": name,
		"user_id": c.User, "user_name": s.user(c.User).Name, "command": c.Command, "text": text, "api_app_id": App,
		"is_enterprise_install": "false", "response_url": d.ResponseURL, "trigger_id": d.TriggerID,
	}
	d.values = url.Values{}
	for k, v := range d.payload {
		d.values.Set(k, fmt.Sprint(v))
	}
	d.then = func(raw json.RawMessage) {
		var a answer
		if json.Unmarshal(raw, &a) != nil || a.Text == "" && a.Blocks == nil && a.Attachments == nil {
			return
		}
		if no := s.say(u, a); no != nil {
			s.notef("delivery", d.Kind, "the answer is refused: %s", no.code)
		}
	}
	s.notef("person", c.User, "%s %s in %s", c.Command, c.Text, ch.ID)
	return s.deliver(d), nil
}
