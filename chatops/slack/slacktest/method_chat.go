package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const maxText = 40000

// written is what a call says that a message shall show.
type written struct {
	text        string
	hasText     bool
	blocks      []Block
	hasBlocks   bool
	attachments any
	metadata    map[string]any
}

func (c *call) content() (written, *refusal) {
	w := written{text: c.args["text"], hasText: c.args["text"] != ""}
	if utf8.RuneCountInString(w.text) > maxText {
		return w, refuse("msg_too_long")
	}
	blocks, no := readBlocks(c.args["blocks"], 50)
	if no != nil {
		return w, no
	}
	w.blocks, w.hasBlocks = blocks, c.args["blocks"] != ""
	if raw := c.args["attachments"]; raw != "" {
		var l []any
		if json.Unmarshal([]byte(raw), &l) != nil {
			return w, refuse("invalid_attachments")
		}
		if len(l) > 100 {
			return w, refuse("too_many_attachments")
		}
		if len(l) > 0 {
			w.attachments = l
		}
	}
	if raw := c.args["metadata"]; raw != "" {
		if json.Unmarshal([]byte(raw), &w.metadata) != nil {
			return w, refuse("invalid_metadata_format")
		}
	}
	if !w.hasText && len(w.blocks) == 0 && w.attachments == nil {
		return w, refuse("no_text")
	}
	return w, nil
}

// seen is the conversation that the app names, as far as it may know of it.
func (c *call) seen(name string) (*Channel, *refusal) {
	ch := c.channel(name)
	if ch == nil || ch.Private && !ch.has(BotUser) {
		return nil, refuse("channel_not_found")
	}
	return ch, nil
}

// writable is the conversation that a message goes to. A user's id stands for
// the direct message with that user.
func (c *call) writable() (*Channel, *refusal) {
	name := c.args["channel"]
	if strings.HasPrefix(name, "U") || strings.HasPrefix(name, "W") {
		if u := c.user(name); u == nil || u.Bot {
			return nil, refuse("channel_not_found")
		}
		return c.direct(name), nil
	}
	ch, no := c.seen(name)
	switch {
	case no != nil:
		return nil, no
	case ch.Archived:
		return nil, refuse("is_archived")
	case !ch.has(BotUser) && c.needs("chat:write.public") != nil:
		return nil, refuse("not_in_channel")
	}
	return ch, nil
}

// thread is the parent that a reply names; replies to a reply go to its
// parent's thread in no case.
func (c *call) thread(ch *Channel) (string, *refusal) {
	ts := c.args["thread_ts"]
	if ts == "" {
		return "", nil
	}
	p := c.message(ch.ID, ts)
	if p == nil || p.Ephemeral != "" || p.ThreadTS != "" && p.ThreadTS != p.TS {
		return "", refuse("invalid_thread_ts")
	}
	return ts, nil
}

func postMessage(c *call) (result, *refusal) {
	ch, no := c.writable()
	if no != nil {
		return nil, no
	}
	w, no := c.content()
	if no != nil {
		return nil, no
	}
	thread, no := c.thread(ch)
	if no != nil {
		return nil, no
	}
	if wait := c.limited("chat.postMessage "+ch.ID, posting); wait > 0 {
		return nil, &refusal{code: "ratelimited", wait: wait}
	}
	m := &Message{
		Channel: ch.ID, ThreadTS: thread, User: BotUser, Text: w.text, Blocks: w.blocks, attachments: w.attachments,
		Metadata: w.metadata, Broadcast: thread != "" && c.args["reply_broadcast"] == "true",
	}
	c.put(m)
	return result{"channel": ch.ID, "ts": m.TS, "message": c.wire(m)}, nil
}

func postEphemeral(c *call) (result, *refusal) {
	ch, no := c.writable()
	if no != nil {
		return nil, no
	}
	w, no := c.content()
	if no != nil {
		return nil, no
	}
	user := c.args["user"]
	if c.user(user) == nil || !ch.has(user) {
		return nil, refuse("user_not_in_channel")
	}
	thread, no := c.thread(ch)
	if no != nil {
		return nil, no
	}
	m := &Message{Channel: ch.ID, ThreadTS: thread, User: BotUser, Ephemeral: user, Text: w.text, Blocks: w.blocks, attachments: w.attachments}
	c.put(m)
	return result{"message_ts": m.TS}, nil
}

// own is the app's own message that a call names by its id of a conversation.
func (c *call) own(denied string) (*Message, *refusal) {
	ch, no := c.seen(c.args["channel"])
	switch {
	case no != nil:
		return nil, no
	case ch.ID != c.args["channel"]:
		return nil, refuse("channel_not_found") // names are for posting only
	}
	m := c.message(ch.ID, c.args["ts"])
	switch {
	case m == nil || m.Ephemeral != "":
		return nil, refuse("message_not_found")
	case m.User != BotUser:
		return nil, refuse(denied)
	case ch.Archived:
		return nil, refuse("is_archived")
	}
	return m, nil
}

// update: text without blocks takes the blocks away, and marks the message as
// edited.
func update(c *call) (result, *refusal) {
	m, no := c.own("cant_update_message")
	if no != nil {
		return nil, no
	}
	w, no := c.content()
	if no != nil {
		return nil, no
	}
	text, blocks := w.text, w.blocks
	if !w.hasText {
		text = m.Text
	}
	if !w.hasBlocks && !w.hasText {
		blocks = m.Blocks
	}
	m.show(text, blocks)
	m.Edited = len(blocks) == 0
	if w.attachments != nil {
		m.attachments = w.attachments
	}
	if w.metadata != nil {
		m.Metadata = w.metadata
	}
	return result{"channel": m.Channel, "ts": m.TS, "text": m.Text, "message": c.wire(m)}, nil
}

func deleteMessage(c *call) (result, *refusal) {
	m, no := c.own("cant_delete_message")
	if no != nil {
		return nil, no
	}
	c.remove(m)
	return result{"channel": m.Channel, "ts": m.TS}, nil
}

func permalink(c *call) (result, *refusal) {
	ch, no := c.seen(c.args["channel"])
	if no != nil {
		return nil, no
	}
	m := c.message(ch.ID, c.args["message_ts"])
	if m == nil || m.Ephemeral != "" {
		return nil, refuse("message_not_found")
	}
	link := fmt.Sprintf("https://firebreak-test.slack.com/archives/%s/p%s", ch.ID, strings.Replace(m.TS, ".", "", 1))
	if m.ThreadTS != "" && m.ThreadTS != m.TS {
		link += "?thread_ts=" + m.ThreadTS + "&cid=" + ch.ID
	}
	return result{"channel": ch.ID, "permalink": link}, nil
}

func react(add bool) func(*call) (result, *refusal) {
	return func(c *call) (result, *refusal) {
		name := c.args["name"]
		if name == "" || strings.ContainsAny(name, ": ") {
			return nil, refuse("invalid_name")
		}
		ch, no := c.seen(c.args["channel"])
		if no != nil {
			return nil, no
		}
		m := c.message(ch.ID, c.args["timestamp"])
		if m == nil || m.Ephemeral != "" {
			return nil, refuse("message_not_found")
		}
		at := slices.Index(m.Reactions, name)
		switch {
		case add && at >= 0:
			return nil, refuse("already_reacted")
		case !add && at < 0:
			return nil, refuse("no_reaction")
		case add:
			m.Reactions = append(m.Reactions, name)
		default:
			m.Reactions = slices.Delete(m.Reactions, at, at+1)
		}
		return result{}, nil
	}
}
