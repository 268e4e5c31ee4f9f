package slacktest

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
)

// Click is a person's click on an element of a message or, without a
// channel, of the modal on top or the App Home.
type Click struct {
	User    string `json:"user"`
	Channel string `json:"channel"`
	TS      string `json:"ts"`     // the newest message that has the element, where empty
	Action  string `json:"action"` // action_id
	Option  string `json:"option"` // the value chosen, where it is no button
	// Stale clicks on what the message showed earlier, as when it changes in
	// the moment of the click.
	Stale bool `json:"stale"`
}

// Click clicks. It returns when the click is on its way; errors are what a
// person could not click.
func (s *Server) Click(c Click) (*Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := &Delivery{Kind: "interactive"}
	p := result{
		"type": "block_actions", "api_app_id": App, "token": legacyToken, "user": s.who(c.User),
		"team": result{"id": Team, "domain": "firebreak-test"}, "enterprise": nil, "is_enterprise_install": false,
	}
	var blocks []Block
	if c.Channel == "" {
		v := s.top(c.User)
		if v == nil {
			v = s.homes[c.User]
		}
		if v == nil {
			return nil, fmt.Errorf("%s has no modal open and no App Home", c.User)
		}
		blocks = v.blocks
		p["container"] = result{"type": "view", "view_id": v.id}
		p["view"] = v.wire(v.initial())
	} else {
		ch, err := s.present(c.User, c.Channel)
		if err != nil {
			return nil, err
		}
		m, shown := s.clickable(ch, c)
		if m == nil {
			return nil, fmt.Errorf("%s sees nothing with the action %q in #%s to click on", c.User, c.Action, ch.Name)
		}
		blocks = shown
		container := result{"type": "message", "message_ts": m.TS, "channel_id": ch.ID, "is_ephemeral": m.Ephemeral != ""}
		if m.ThreadTS != "" {
			container["thread_ts"] = m.ThreadTS
		}
		p["container"], p["channel"] = container, result{"id": ch.ID, "name": ch.Name}
		if m.Ephemeral == "" { // the app has to know what it said to one person
			w := s.wire(m)
			w["blocks"] = blocks
			p["message"] = w
		}
		p["state"] = result{"values": state(blocks, nil)}
		d.ResponseURL = s.newResponseURL(&responseURL{user: c.User, channel: ch.ID, thread: m.ThreadTS, original: m})
		p["response_url"] = d.ResponseURL
	}
	block, el := find(blocks, c.Action)
	if el == nil {
		return nil, fmt.Errorf("there is nothing with the action %q to click on", c.Action)
	}
	act, err := acted(el, c.Option)
	if err != nil {
		return nil, err
	}
	act["block_id"], act["action_ts"] = block["block_id"], s.nextTS()
	p["actions"] = []result{act}
	d.TriggerID = s.newTrigger(c.User)
	p["trigger_id"] = d.TriggerID
	d.payload = p
	d.values = url.Values{"payload": {string(encode(p))}}
	s.notef("person", c.User, "clicks %s %s", c.Action, c.Option)
	return s.deliver(d), nil
}

// clickable finds the message of a click, and what it showed. The lock is
// held.
func (s *Server) clickable(ch *Channel, c Click) (*Message, []Block) {
	for _, m := range slices.Backward(s.messages) {
		if m.Channel != ch.ID || c.TS != "" && m.TS != c.TS || m.Ephemeral != "" && m.Ephemeral != c.User {
			continue
		}
		versions := [][]Block{m.Blocks}
		if c.Stale {
			versions = slices.Clone(m.before)
			slices.Reverse(versions)
		}
		for _, blocks := range versions {
			if _, el := find(blocks, c.Action); el != nil {
				return m, blocks
			}
		}
	}
	return nil, nil
}

// acted is the entry of actions for an element.
func acted(el Block, chosen string) (result, error) {
	w := result{"type": el["type"], "action_id": el["action_id"]}
	if kind, _ := el["type"].(string); kind == "button" {
		for _, k := range []string{"text", "value", "style", "url", "confirm"} {
			if v, there := el[k]; there {
				w[k] = v
			}
		}
		return w, nil
	}
	v, err := valueOf(el, chosen)
	if err != nil {
		return nil, err
	}
	maps.Copy(w, v)
	return w, nil
}
