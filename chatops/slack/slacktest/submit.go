package slacktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Submit is what a person fills into the modal on top, by action_id, and
// sends. Of several choices the values are joined by commas.
type Submit struct {
	User   string            `json:"user"`
	Values map[string]string `json:"values"`
}

// Submit sends a modal. Errors are what Slack's client would not let a person
// send, such as an empty field that is required.
func (s *Server) Submit(in Submit) (*Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.top(in.User)
	if v == nil {
		return nil, fmt.Errorf("%s has no modal open", in.User)
	}
	if v.body["submit"] == nil {
		return nil, errors.New("the modal has nothing to submit with")
	}
	filled := map[string]result{}
	for action, text := range in.Values {
		_, el := find(v.blocks, action)
		if el == nil {
			return nil, fmt.Errorf("the modal has no field %q", action)
		}
		value, err := valueOf(el, text)
		if err != nil {
			return nil, err
		}
		filled[action] = value
	}
	for _, b := range v.blocks {
		if err := fillable(b, in.Values); err != nil {
			return nil, err
		}
	}
	d := &Delivery{Kind: "interactive", TriggerID: s.newTrigger(in.User)}
	d.payload = result{
		"type": "view_submission", "team": result{"id": Team, "domain": "firebreak-test"}, "user": s.who(in.User),
		"api_app_id": App, "token": legacyToken, "trigger_id": d.TriggerID, "view": v.wire(state(v.blocks, filled)),
		"response_urls": []any{}, "enterprise": nil, "is_enterprise_install": false,
	}
	d.values = url.Values{"payload": {string(encode(d.payload))}}
	d.then = func(raw json.RawMessage) { s.submitted(v, raw) }
	s.notef("person", in.User, "submits %v", v.body["callback_id"])
	return s.deliver(d), nil
}

// fillable says what Slack's client would say of a field before it sends.
func fillable(b Block, values map[string]string) error {
	el, _ := b["element"].(map[string]any)
	if b["type"] != "input" || el == nil {
		return nil
	}
	action, _ := el["action_id"].(string)
	text, given := values[action]
	initial := false
	for k := range el {
		initial = initial || strings.HasPrefix(k, "initial_")
	}
	if optional, _ := b["optional"].(bool); !optional && (given && text == "" || !given && !initial) {
		return fmt.Errorf("%q is required", textOf(b["label"]))
	}
	if !given || text == "" {
		return nil
	}
	n := float64(utf8.RuneCountInString(text))
	if least, ok := el["min_length"].(float64); ok && n < least {
		return fmt.Errorf("%q is too short: %v characters at least", textOf(b["label"]), least)
	}
	if most, ok := el["max_length"].(float64); ok && n > most {
		return fmt.Errorf("%q is too long: %v characters at most", textOf(b["label"]), most)
	}
	if el["type"] == "number_input" {
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return fmt.Errorf("%q takes a number", textOf(b["label"]))
		}
	}
	return nil
}

// submitted does what the app answers to a submission. Only an answer counts
// that says something; an empty one closes the modal. The lock is held.
func (s *Server) submitted(v *view, raw json.RawMessage) {
	var a struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   json.RawMessage   `json:"view"`
	}
	if json.Unmarshal(raw, &a) != nil {
		return
	}
	fail := func(why string) { s.notef("delivery", "view_submission", "the answer is refused: %s", why) }
	switch a.Action {
	case "":
		s.pop(v.user)
	case "clear":
		s.clear(v.user)
	case "errors":
		for id := range a.Errors {
			if !slices.ContainsFunc(v.blocks, func(b Block) bool { return b["block_id"] == id && b["type"] == "input" }) {
				fail("there is no field with the block_id " + id)
				return
			}
		}
		v.errors = a.Errors
	case "update", "push":
		self := ""
		if a.Action == "update" {
			self = v.id
		}
		body, blocks, no := s.readView(string(a.View), "modal", self)
		switch {
		case no != nil:
			fail(no.code + " " + strings.Join(no.messages, "; "))
		case a.Action == "update":
			s.set(v, body, blocks)
		case len(s.stacks[v.user]) == maxViews:
			fail("push_limit_reached")
		default:
			s.newView("modal", v.user, body, blocks)
		}
	default:
		fail("response_action " + a.Action)
	}
}

// Dismiss closes the modal that a user has on top, with its cross.
func (s *Server) Dismiss(user string) (*Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.top(user)
	if v == nil {
		return nil, fmt.Errorf("%s has no modal open", user)
	}
	if all, _ := v.body["clear_on_close"].(bool); all {
		s.clear(user)
	} else {
		s.pop(user)
	}
	d := &Delivery{Kind: "interactive"}
	if notify, _ := v.body["notify_on_close"].(bool); !notify {
		d.done = make(chan struct{})
		close(d.done)
		return d, nil
	}
	d.payload = result{
		"type": "view_closed", "team": result{"id": Team, "domain": "firebreak-test"}, "user": s.who(user), "api_app_id": App,
		"token": legacyToken, "view": v.wire(v.initial()), "is_cleared": false, "enterprise": nil, "is_enterprise_install": false,
	}
	d.values = url.Values{"payload": {string(encode(d.payload))}}
	return s.deliver(d), nil
}
