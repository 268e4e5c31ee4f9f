package slacktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Command is a slash command that a person types.
type Command struct {
	User    string `json:"user"`
	Channel string `json:"channel"`
	Command string `json:"command"` // /runbook where empty
	Text    string `json:"text"`
	Thread  string `json:"thread_ts"` // where it is typed into a thread, which Slack refuses
}

// present is the conversation that a person acts in. The lock is held.
func (s *Server) present(user, channel string) (*Channel, error) {
	u := s.user(user)
	ch := s.channel(channel)
	switch {
	case u == nil || u.Deactivated:
		return nil, fmt.Errorf("nobody has the id %q here", user)
	case ch == nil:
		return nil, fmt.Errorf("there is no channel %q", channel)
	case !ch.has(user) && (ch.Private || u.Guest || u.SingleGuest || u.TeamID != ""):
		return nil, fmt.Errorf("%s does not see #%s", u.Name, ch.Name)
	}
	return ch, nil
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

// who is a user as payloads name them. The lock is held.
func (s *Server) who(id string) result {
	w := result{"id": id, "username": id, "name": id, "team_id": Team}
	if u := s.user(id); u != nil {
		w["username"], w["name"] = u.Name, u.Name
		if u.TeamID != "" {
			w["team_id"] = u.TeamID
		}
	}
	return w
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

// valueOf is the state of an element where a person has put in text.
func valueOf(el Block, in string) (result, error) {
	kind, _ := el["type"].(string)
	w := result{"type": kind}
	pick := func(value string) (Block, error) {
		for _, o := range options(el) {
			if o["value"] == value {
				return o, nil
			}
		}
		return nil, fmt.Errorf("%v has no option %q", el["action_id"], value)
	}
	switch kind {
	case "overflow", "static_select", "radio_buttons":
		o, err := pick(in)
		if err != nil {
			return nil, err
		}
		w["selected_option"] = o
	case "checkboxes", "multi_static_select":
		all := []Block{}
		for value := range strings.SplitSeq(in, ",") {
			if value == "" {
				continue
			}
			o, err := pick(value)
			if err != nil {
				return nil, err
			}
			all = append(all, o)
		}
		w["selected_options"] = all
	case "users_select":
		w["selected_user"] = in
	case "multi_users_select":
		w["selected_users"] = strings.Split(in, ",")
	case "conversations_select":
		w["selected_conversation"] = in
	case "channels_select":
		w["selected_channel"] = in
	case "datepicker":
		w["selected_date"] = in
	case "timepicker":
		w["selected_time"] = in
	case "datetimepicker":
		n, err := strconv.ParseInt(in, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%v takes seconds since 1970, not %q", el["action_id"], in)
		}
		w["selected_date_time"] = n
	default:
		w["value"] = in
	}
	return w, nil
}

// empty is the state of an element that nobody has touched.
func empty(el Block) result {
	kind, _ := el["type"].(string)
	w := result{"type": kind}
	for from, to := range map[string]string{
		"initial_value": "value", "initial_option": "selected_option", "initial_options": "selected_options", "initial_user": "selected_user",
		"initial_date": "selected_date", "initial_time": "selected_time", "initial_date_time": "selected_date_time",
		"initial_conversation": "selected_conversation", "initial_channel": "selected_channel",
	} {
		if v, there := el[from]; there {
			w[to] = v
		}
	}
	if len(w) > 1 {
		return w
	}
	switch kind {
	case "checkboxes", "multi_static_select":
		w["selected_options"] = []Block{}
	case "static_select", "radio_buttons":
		w["selected_option"] = nil
	case "users_select":
		w["selected_user"] = nil
	default:
		w["value"] = nil
	}
	return w
}

// state is the values of all that a person can fill in.
func state(blocks []Block, filled map[string]result) result {
	values := result{}
	for _, b := range blocks {
		for _, el := range elements(b) {
			kind, _ := el["type"].(string)
			_, input := inputs[kind]
			_, other := interactive[kind]
			if kind == "button" || kind == "overflow" || !input && !other {
				continue
			}
			block, _ := b["block_id"].(string)
			action, _ := el["action_id"].(string)
			v, there := filled[action]
			if !there {
				v = empty(el)
			}
			if values[block] == nil {
				values[block] = result{}
			}
			if m, ok := values[block].(result); ok {
				m[action] = v
			}
		}
	}
	return values
}

func (v *view) initial() result { return state(v.blocks, nil) }

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
