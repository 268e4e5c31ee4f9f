package slack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/slack-go/slack"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine"
)

// What a delivery may be.
const (
	isPress   = "press"
	isSubmit  = "submit"
	isCommand = "command"
	isHome    = "home" // they open it
)

// delivery is what somebody did in Slack, as it is kept: what is needed to
// deal with it, and what shows later who it was.
type delivery struct {
	Kind       string            `json:"kind"`
	Transport  string            `json:"transport"`          // socket or http
	Envelope   string            `json:"envelope,omitempty"` // or the id of the event
	IP         string            `json:"ip,omitempty"`
	Team       string            `json:"team"`
	Enterprise string            `json:"enterprise,omitempty"`
	User       string            `json:"user"`
	UserTeam   string            `json:"user_team,omitempty"`
	Channel    string            `json:"channel,omitempty"`
	Message    string            `json:"message,omitempty"` // its ts
	Thread     string            `json:"thread,omitempty"`
	ActionTS   string            `json:"action_ts,omitempty"`
	Ephemeral  bool              `json:"ephemeral,omitempty"`
	Do         chatops.Do        `json:"do,omitempty"`
	Value      string            `json:"value,omitempty"`
	Text       string            `json:"text,omitempty"`
	Filled     map[string]string `json:"filled,omitempty"`
	Trigger    string            `json:"trigger,omitempty"`
	Reply      string            `json:"reply,omitempty"` // response_url
	Card       string            `json:"card,omitempty"`  // digest of the blocks that were pressed on
	View       string            `json:"view,omitempty"`
}

// key is what repeated deliveries of one thing have in common, by whichever
// way they come.
func (d *delivery) key() string {
	var parts []string
	switch d.Kind {
	case isPress:
		parts = []string{d.Kind, d.Team, d.Channel, d.Message, d.View, d.User, d.ActionTS, string(d.Do), d.Value}
	case isSubmit:
		parts = []string{d.Kind, d.Team, d.View, d.User}
	case isHome:
		parts = []string{d.Kind, d.Team, d.User, d.Envelope}
	default:
		parts = []string{d.Kind, d.Team, d.Channel, d.User, d.Trigger, d.Message, d.Text}
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return d.Kind + "-" + hex.EncodeToString(sum[:16])
}

// via is the evidence that is stored with a person's word.
func (d *delivery) via() engine.Via {
	v := engine.Via{}
	for k, text := range map[string]string{
		"chat": "slack", "transport": d.Transport, "envelope": d.Envelope, "ip": d.IP, "team": d.Team, "enterprise": d.Enterprise, "user": d.User,
		"channel": d.Channel, "message": d.Message, "action": d.ActionTS, "card": d.Card,
	} {
		if text != "" {
			v[k] = text
		}
	}
	return v
}

// unknownError says that a delivery is none that we deal with.
type unknownError struct{ what string }

func (e *unknownError) Error() string { return "slack sent " + e.what + ", which means nothing here" }

// interaction reads what was pressed or filled in. Nothing of what it says is
// believed but who, where and which: what a button means is found by its
// reference.
func interaction(payload []byte) (*delivery, error) {
	var c slack.InteractionCallback
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, fmt.Errorf("read an interaction: %w", err)
	}
	d := &delivery{
		Team: c.Team.ID, Enterprise: c.Enterprise.ID, User: c.User.ID, UserTeam: c.User.TeamID,
		Channel: or(c.Container.ChannelID, c.Channel.ID), Message: or(c.Container.MessageTs, c.Message.Timestamp),
		Thread: or(c.Container.ThreadTs, c.Message.ThreadTimestamp), Ephemeral: c.Container.IsEphemeral, Trigger: c.TriggerID, Reply: c.ResponseURL,
	}
	switch c.Type {
	case slack.InteractionTypeBlockActions:
		if len(c.ActionCallback.BlockActions) == 0 {
			return nil, &unknownError{"a press on nothing"}
		}
		a := c.ActionCallback.BlockActions[0]
		do, value, ok := pressed(a.ActionID, or(a.SelectedOption.Value, a.Value))
		if !ok {
			return nil, &unknownError{fmt.Sprintf("a press on %.80q", a.ActionID)}
		}
		d.Kind, d.Do, d.Value, d.ActionTS, d.View = isPress, do, value, a.ActionTs, c.View.ID
		for _, shown := range []slack.Blocks{c.Message.Blocks, c.View.Blocks} {
			if raw, err := json.Marshal(shown); err == nil && len(shown.BlockSet) > 0 {
				sum := sha256.Sum256(raw)
				d.Card = "sha256:" + hex.EncodeToString(sum[:])
			}
		}
		return d, nil
	case slack.InteractionTypeViewSubmission:
		do, value, ok := pressed(c.View.CallbackID, d.comeFrom(c.View.PrivateMetadata))
		if !ok {
			return nil, &unknownError{fmt.Sprintf("the form %.80q", c.View.CallbackID)}
		}
		d.Kind, d.Do, d.Value, d.View, d.Filled = isSubmit, do, value, c.View.ID, filled(c.View.State)
		return d, nil
	default:
		return nil, &unknownError{fmt.Sprintf("an interaction of the kind %.80q", c.Type)}
	}
}

// origin is what a form keeps: what it is about, and where it was asked for.
func (d *delivery) origin(value string) string {
	return strings.Join([]string{value, d.Channel, d.Thread, d.Message, d.ActionTS, d.Card}, "\n")
}

// comeFrom takes over what a form has kept, and returns what it is about.
func (d *delivery) comeFrom(kept string) (value string) {
	for i, to := range []*string{&value, &d.Channel, &d.Thread, &d.Message, &d.ActionTS, &d.Card} {
		if parts := strings.Split(kept, "\n"); i < len(parts) {
			*to = parts[i]
		}
	}
	return value
}

func filled(state *slack.ViewState) map[string]string {
	out := map[string]string{}
	if state == nil {
		return out
	}
	for name, actions := range state.Values {
		for _, a := range actions {
			out[name] = or(a.SelectedOption.Value, a.Value)
		}
	}
	return out
}

// slash reads a slash command from its form.
func slash(f url.Values) *delivery {
	return &delivery{
		Kind: isCommand, Team: f.Get("team_id"), Enterprise: f.Get("enterprise_id"), User: f.Get("user_id"), Channel: f.Get("channel_id"),
		Text: unescape(f.Get("text")), Trigger: f.Get("trigger_id"), Reply: f.Get("response_url"),
	}
}

// slashJSON reads one from a socket.
func slashJSON(payload []byte) (*delivery, error) {
	var c struct {
		Team       string `json:"team_id"`
		Enterprise string `json:"enterprise_id"`
		User       string `json:"user_id"`
		Channel    string `json:"channel_id"`
		Text       string `json:"text"`
		Trigger    string `json:"trigger_id"`
		Reply      string `json:"response_url"`
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, fmt.Errorf("read a command: %w", err)
	}
	return &delivery{
		Kind: isCommand, Team: c.Team, Enterprise: c.Enterprise, User: c.User, Channel: c.Channel,
		Text: unescape(c.Text), Trigger: c.Trigger, Reply: c.Reply,
	}, nil
}

// outer is an event as it is delivered.
type outer struct {
	Type       string `json:"type"`
	Challenge  string `json:"challenge"`
	Team       string `json:"team_id"`
	Enterprise string `json:"enterprise_id"`
	EventID    string `json:"event_id"`
	Event      struct {
		Type    string `json:"type"`
		Subtype string `json:"subtype"`
		Channel string `json:"channel"`
		Kind    string `json:"channel_type"`
		User    string `json:"user"`
		Team    string `json:"user_team"`
		Bot     string `json:"bot_id"`
		Text    string `json:"text"`
		TS      string `json:"ts"`
		Thread  string `json:"thread_ts"`
		Tab     string `json:"tab"`
	} `json:"event"`
}

// event reads an event; a nil delivery is one that needs no answer. self is our
// own account, by which we are mentioned.
func event(payload []byte, self string) (*delivery, *outer, error) {
	var o outer
	if err := json.Unmarshal(payload, &o); err != nil {
		return nil, nil, fmt.Errorf("read an event: %w", err)
	}
	e := o.Event
	if e.Type == "app_home_opened" && e.Tab == "home" && e.User != "" {
		return &delivery{Kind: isHome, Team: o.Team, Enterprise: o.Enterprise, User: e.User, Envelope: o.EventID}, &o, nil
	}
	mention := e.Type == "app_mention"
	direct := e.Type == "message" && e.Kind == "im"
	if !mention && !direct || e.Subtype != "" || e.Bot != "" || e.User == "" || e.User == self {
		return nil, &o, nil
	}
	text := strings.TrimSpace(e.Text)
	if rest, ok := strings.CutPrefix(text, "<@"); ok {
		_, text, _ = strings.Cut(rest, ">")
	}
	return &delivery{
		Kind: isCommand, Team: o.Team, Enterprise: o.Enterprise, User: e.User, UserTeam: e.Team, Channel: e.Channel,
		Message: e.TS, Thread: e.Thread, Text: unescape(text), Envelope: o.EventID,
	}, &o, nil
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
