package slacktest

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Message is a message as it stands.
type Message struct {
	Channel   string         `json:"channel"`
	TS        string         `json:"ts"`
	ThreadTS  string         `json:"thread_ts,omitempty"` // the parent's, on a parent with replies too
	User      string         `json:"user"`
	BotID     string         `json:"bot_id,omitempty"`
	Text      string         `json:"text"`
	Blocks    []Block        `json:"blocks,omitempty"`
	Edited    bool           `json:"edited,omitempty"`
	Edits     int            `json:"edits,omitempty"` // how often it was changed
	Ephemeral string         `json:"ephemeral,omitempty"`
	Broadcast bool           `json:"broadcast,omitempty"` // a reply that is shown in the channel, too
	Reactions []string       `json:"reactions,omitempty"` // the app's
	Files     []string       `json:"files,omitempty"`     // their contents, in the order of upload
	Metadata  map[string]any `json:"metadata,omitempty"`

	attachments any
	fileIDs     []string
	before      [][]Block // what it showed earlier
}

// Buttons are the texts of the buttons that it shows.
func (m Message) Buttons() []string {
	var all []string
	for _, b := range m.Blocks {
		for _, el := range elements(b) {
			if el["type"] == "button" {
				all = append(all, textOf(el["text"]))
			}
		}
	}
	return all
}

// Has says whether a person can act on something with that action id.
func (m Message) Has(action string) bool {
	_, el := find(m.Blocks, action)
	return el != nil
}

func textOf(v any) string {
	m, _ := v.(map[string]any)
	t, _ := m["text"].(string)
	return t
}

// Render is what a person reads, line by line, with [buttons].
func (m Message) Render() string { return render(m.Text, m.Blocks) }

func render(plain string, blocks []Block) string {
	if len(blocks) == 0 {
		return plain
	}
	var lines []string
	add := func(s string) {
		if s != "" {
			lines = append(lines, s)
		}
	}
	for _, b := range blocks {
		switch b["type"] {
		case "header":
			add("# " + textOf(b["text"]))
		case "divider":
			add("---")
		case "input":
			el, _ := b["element"].(map[string]any)
			add(fmt.Sprintf("%s: <%v>", textOf(b["label"]), el["action_id"]))
			add(textOf(b["hint"]))
		case "image":
			add(fmt.Sprintf("![%v]", b["alt_text"]))
		default:
			if t, ok := b["text"].(string); ok {
				add(t)
			}
			add(textOf(b["text"]))
			parts, _ := b["fields"].([]any)
			for _, f := range parts {
				add(textOf(f))
			}
			var row []string
			for _, el := range elements(b) {
				row = append(row, face(el))
			}
			add(strings.Join(row, " "))
		}
	}
	return strings.Join(lines, "\n")
}

func face(el Block) string {
	switch el["type"] {
	case "button":
		return "[" + textOf(el["text"]) + "]"
	case "plain_text", "mrkdwn":
		t, _ := el["text"].(string)
		return t
	case "image":
		return fmt.Sprintf("![%v]", el["alt_text"])
	}
	var all []string
	for _, o := range options(el) {
		all = append(all, textOf(o["text"]))
	}
	return "[" + strings.Join(all, "|") + "]"
}

// Messages are those of a channel that everybody there sees, replies too, in
// order.
func (s *Server) Messages(channel string) []Message {
	return s.collect(func(m *Message) bool { return m.Channel == channel && m.Ephemeral == "" })
}

// Ephemerals are those that only user sees, in order. An empty channel stands
// for all.
func (s *Server) Ephemerals(channel, user string) []Message {
	return s.collect(func(m *Message) bool {
		return (channel == "" || m.Channel == channel) && m.Ephemeral == user
	})
}

// Direct are the messages between the app and a user.
func (s *Server) Direct(user string) []Message {
	s.mu.Lock()
	c := s.direct(user)
	s.mu.Unlock()
	if c == nil {
		return nil
	}
	return s.Messages(c.ID)
}

func (s *Server) collect(want func(*Message) bool) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Message
	for _, m := range s.messages {
		if want(m) {
			all = append(all, m.clone())
		}
	}
	return all
}

func (m *Message) clone() Message {
	c := *m
	c.Blocks = slices.Clone(m.Blocks)
	c.Reactions = slices.Clone(m.Reactions)
	c.Files = slices.Clone(m.Files)
	return c
}

// WaitMessage waits for a message in a channel that is as match wants it, and
// returns the first.
func (s *Server) WaitMessage(ctx context.Context, channel string, match func(Message) bool) (Message, error) {
	return s.wait(ctx, match, func() []Message { return s.Messages(channel) })
}

// WaitEphemeral is WaitMessage for what only user sees.
func (s *Server) WaitEphemeral(ctx context.Context, channel, user string, match func(Message) bool) (Message, error) {
	return s.wait(ctx, match, func() []Message { return s.Ephemerals(channel, user) })
}

// WaitDirect is WaitMessage for what the app and user write to each other.
func (s *Server) WaitDirect(ctx context.Context, user string, match func(Message) bool) (Message, error) {
	return s.wait(ctx, match, func() []Message { return s.Direct(user) })
}

func (s *Server) wait(ctx context.Context, match func(Message) bool, from func() []Message) (Message, error) {
	var found Message
	err := s.Await(ctx, func() bool {
		all := from()
		i := slices.IndexFunc(all, match)
		if i >= 0 {
			found = all[i]
		}
		return i >= 0
	})
	return found, err
}

// Containing matches a message that shows text.
func Containing(text string) func(Message) bool {
	return func(m Message) bool { return strings.Contains(m.Render(), text) || strings.Contains(m.Text, text) }
}

// message finds one by its place. The lock is held.
func (s *Server) message(channel, ts string) *Message {
	for _, m := range s.messages {
		if m.Channel == channel && m.TS == ts {
			return m
		}
	}
	return nil
}

// put adds a message. The lock is held.
func (s *Server) put(m *Message) {
	m.TS = s.nextTS()
	if m.User == BotUser {
		m.BotID = Bot
	}
	s.messages = append(s.messages, m)
}

// drop takes a message away. The lock is held.
func (s *Server) remove(m *Message) {
	s.messages = slices.DeleteFunc(s.messages, func(o *Message) bool { return o == m })
}

// show makes blocks and text what a message shows. The lock is held.
func (m *Message) show(text string, blocks []Block) {
	m.before = append(m.before, m.Blocks)
	m.Text, m.Blocks = text, blocks
	m.Edits++
}

// replies are those of a thread. The lock is held.
func (s *Server) replies(m *Message) []*Message {
	var all []*Message
	for _, r := range s.messages {
		if r.Channel == m.Channel && r.ThreadTS == m.TS && r != m && r.Ephemeral == "" {
			all = append(all, r)
		}
	}
	return all
}

// wire is a message as the Web API and payloads have it. The lock is held.
func (s *Server) wire(m *Message) result {
	w := result{"type": "message", "user": m.User, "ts": m.TS, "text": m.Text, "team": Team}
	if m.BotID != "" {
		w["bot_id"], w["app_id"] = m.BotID, App
		w["bot_profile"] = result{
			"id": Bot, "app_id": App, "name": "firebreak", "deleted": false, "updated": 1700000000, "team_id": Team,
			"icons": result{"image_36": "https://example.com/36.png", "image_48": "https://example.com/48.png", "image_72": "https://example.com/72.png"},
		}
	}
	if m.Blocks != nil {
		w["blocks"] = m.Blocks
	}
	if m.attachments != nil {
		w["attachments"] = m.attachments
	}
	if m.Metadata != nil {
		w["metadata"] = m.Metadata
	}
	if m.Edited {
		w["edited"] = result{"user": m.User, "ts": m.TS}
	}
	if m.Broadcast {
		w["subtype"] = "thread_broadcast"
	}
	if len(m.fileIDs) > 0 {
		var files []result
		for _, id := range m.fileIDs {
			files = append(files, s.files[id].wire())
		}
		w["files"] = files
	}
	if m.ThreadTS != "" {
		w["thread_ts"] = m.ThreadTS
		if p := s.message(m.Channel, m.ThreadTS); p != nil && p != m {
			w["parent_user_id"] = p.User
		}
	}
	if all := s.replies(m); len(all) > 0 {
		var users []string
		for _, r := range all {
			if !slices.Contains(users, r.User) {
				users = append(users, r.User)
			}
		}
		w["thread_ts"], w["reply_count"], w["reply_users_count"] = m.TS, len(all), len(users)
		w["reply_users"], w["latest_reply"] = users, all[len(all)-1].TS
		w["is_locked"], w["subscribed"] = false, false
	}
	if len(m.Reactions) > 0 {
		var all []result
		for _, r := range m.Reactions {
			all = append(all, result{"name": r, "users": []string{BotUser}, "count": 1})
		}
		w["reactions"] = all
	}
	return w
}
