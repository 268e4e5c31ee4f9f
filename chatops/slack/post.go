package slack

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/firebreak-ops/firebreak/chatops"
)

// thread is the message that a place's messages of a run hang on; one is made
// if there is none.
func (b *Bot) thread(ctx context.Context, p *page, place string) (string, error) {
	if isAccount(place) {
		return "", nil
	}
	if post, ok := p.post(keyBoard, place); ok && post.Ref != "" {
		return tsOf(post.Ref), nil
	}
	if err := b.put(ctx, p, keyBoard, place); err != nil {
		return "", err
	}
	post, _ := p.post(keyBoard, place)
	return tsOf(post.Ref), nil
}

func tsOf(ref string) string {
	_, ts, _ := strings.Cut(ref, "/")
	return ts
}

func channelOf(ref string) string {
	channel, _, _ := strings.Cut(ref, "/")
	return channel
}

// put posts a card, or edits what is there of it, and stores that.
func (b *Bot) put(ctx context.Context, p *page, key, place string) error {
	c, ok := p.card(key)
	if !ok {
		return nil
	}
	d := b.painter.draw(c)
	post, there := p.post(key, place)
	if !there || post.Ref == "" {
		return b.post(ctx, p, key, place, c, d)
	}
	if post.Shown != d.digest() {
		err := b.update(ctx, post, d)
		if kind, _ := faultOf(err); kind == faultGone { // somebody has deleted it
			delete(p.posts, slot(key, place))
			return b.cfg.Posts.DropPost(ctx, post)
		}
		if err != nil {
			return err
		}
		post.Shown, post.At = d.digest(), p.now
		if err := b.keep(ctx, p, post); err != nil {
			return err
		}
	}
	if !callsAgain(post, c) {
		return nil
	}
	thread, err := b.thread(ctx, p, place)
	if err != nil {
		return err
	}
	if _, _, err := b.send(ctx, channelOf(post.Ref), thread, b.reminder(c, post.Ping)); err != nil {
		return err
	}
	post.Ping = c.Ping
	return b.keep(ctx, p, post)
}

// reminder calls people again, and says why.
func (b *Bot) reminder(c chatops.Card, before string) drawn {
	text := clipSafe(c.Again(before)+": "+c.Brief, maxSection/2)
	return drawn{text: text, blocks: []slack.Block{section(b.painter.call(c.Call) + " " + text)}}
}

// post posts a card for the first time. That it is about to is stored before:
// after a crash in between the message is looked for.
func (b *Bot) post(ctx context.Context, p *page, key, place string, c chatops.Card, d drawn) error {
	post := Post{Run: p.story.Run.Facts.ID, Key: key, Place: place, At: p.now}
	thread := ""
	if key != keyBoard {
		var err error
		if thread, err = b.thread(ctx, p, place); err != nil {
			return err
		}
	}
	if before, begun := p.post(key, place); begun {
		if ref := b.find(ctx, before, thread); ref != "" {
			post.Ref = ref // what it shows is not known: it is edited next
			return b.keep(ctx, p, post)
		}
	} else if err := b.keep(ctx, p, post); err != nil {
		return err
	}
	channel, ts, err := b.send(ctx, place, thread, d, slack.MsgOptionMetadata(metadataOf(post)))
	if kind, _ := faultOf(err); kind == faultGone {
		if board, ok := p.post(keyBoard, place); ok { // the thread is gone
			return b.cfg.Posts.DropPost(ctx, board)
		}
	}
	if err != nil {
		if certain(err) { // it is not there
			return errors.Join(err, b.cfg.Posts.DropPost(ctx, post))
		}
		return err
	}
	post.Ref, post.Shown, post.Ping = channel+"/"+ts, d.digest(), c.Ping
	b.health.count(&b.health.posted)
	if key == keyEnd { // it tells what was not told before
		lines, _ := p.untold(place)
		text := tooLong(lines)
		if d.cut {
			text = p.story.Log("")
		}
		b.attachText(ctx, p, text, place, thread)
	}
	return b.keep(ctx, p, post)
}

func isAccount(place string) bool {
	return strings.HasPrefix(place, "U") || strings.HasPrefix(place, "W")
}

// keep stores a post.
func (b *Bot) keep(ctx context.Context, p *page, post Post) error {
	p.posts[slot(post.Key, post.Place)] = post
	return b.cfg.Posts.SetPost(ctx, post)
}

// tell posts what has happened since the last time.
func (b *Bot) tell(ctx context.Context, p *page, place string) error {
	all, last := p.untold(place)
	if len(all) == 0 {
		return nil
	}
	thread, err := b.thread(ctx, p, place)
	if err != nil {
		return err
	}
	text := lines(all, maxSection)
	d := drawn{text: clipSafe(p.story.Run.Facts.Runbook+": "+all[len(all)-1].Text, maxBrief/4), blocks: []slack.Block{section(text)}}
	if _, _, err := b.send(ctx, place, thread, d); err != nil {
		return err
	}
	b.health.count(&b.health.posted)
	b.attachText(ctx, p, tooLong(all), place, thread)
	return b.keep(ctx, p, Post{Run: p.story.Run.Facts.ID, Key: keyTold, Place: place, Shown: strconv.Itoa(last), At: p.now})
}

// eventType marks our messages, for ourselves.
const eventType = "firebreak_card"

func metadataOf(p Post) slack.SlackMetadata {
	return slack.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"run": p.Run, "key": p.Key}}
}

// find looks for a message that may have been posted by a process that ended
// before it knew. Where the app may not read the channel nothing is found, and
// the message is posted again: a click on the other one is answered as well,
// and edits it.
func (b *Bot) find(ctx context.Context, post Post, thread string) (ref string) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	oldest := strconv.FormatInt(post.At.Add(-time.Minute).Unix(), 10)
	var messages []slack.Message
	if thread == "" {
		h, err := b.api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{ChannelID: post.Place, Oldest: oldest, Limit: 200, IncludeAllMetadata: true})
		if err != nil {
			return ""
		}
		messages = h.Messages
	} else {
		var err error
		if messages, _, _, err = b.api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{ChannelID: post.Place, Timestamp: thread, Oldest: oldest, Limit: 200, IncludeAllMetadata: true}); err != nil {
			return ""
		}
	}
	for _, m := range messages {
		if m.Metadata.EventType == eventType && m.Metadata.EventPayload["run"] == post.Run && m.Metadata.EventPayload["key"] == post.Key {
			return post.Place + "/" + m.Timestamp
		}
	}
	return ""
}
