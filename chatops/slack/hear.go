package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/firebreak-ops/firebreak/chatops"
)

// hear stores a delivery and then, when that is durable, deals with it in the
// background. It returns the answer to a form, nil when there is none to give;
// what comes again has been heard.
func (b *Bot) hear(ctx context.Context, d *delivery) (*slack.ViewSubmissionResponse, error) {
	if d.Kind == isSubmit {
		if wrong := b.cfg.Desk.Check(d.Do, d.Value, d.Filled); len(wrong) > 0 {
			return slack.NewErrorsViewSubmissionResponse(wrong), nil
		}
		if next := b.cfg.Desk.Next(d.Do, d.Filled); next != nil {
			view := form(*next, d)
			return slack.NewUpdateViewSubmissionResponse(&view), nil
		}
	}
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("keep what was heard: %w", err)
	}
	h := Heard{Key: d.key(), At: b.cfg.Now().UTC(), Data: raw}
	b.opening.RLock()
	defer b.opening.RUnlock()
	isFresh, err := b.cfg.Inbox.Hear(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("keep what was heard: %w", err)
	}
	b.health.came(isFresh)
	if isFresh {
		b.heed(h, d) //nolint:contextcheck // it outlives what has brought it
	}
	return nil, nil
}

// heedAll deals with what the last process has heard and not dealt with.
func (b *Bot) heedAll(ctx context.Context) error {
	b.opening.Lock() // what is heard from now on is dealt with at once, and is not in the list
	all, err := b.cfg.Inbox.Unheeded(ctx)
	if err == nil {
		b.mu.Lock()
		b.life = ctx
		b.mu.Unlock()
	}
	b.opening.Unlock()
	if err != nil {
		return endless(ctx, err)
	}
	for _, h := range all {
		var d delivery
		if err := json.Unmarshal(h.Data, &d); err != nil {
			b.cfg.Warn(fmt.Errorf("slack: what was heard as %s cannot be read: %w", h.Key, err))
			continue
		}
		b.heed(h, &d) //nolint:contextcheck // it has the context that this one has set
	}
	return nil
}

// heed deals with a delivery in the background. Before Run it waits for it.
func (b *Bot) heed(h Heard, d *delivery) {
	b.mu.Lock()
	ctx := b.life
	if ctx == nil || b.closed || ctx.Err() != nil {
		b.mu.Unlock()
		return // the next process finds it
	}
	b.hears.Add(1)
	b.mu.Unlock()
	go func() {
		defer b.hears.Done()
		select {
		case b.busy <- struct{}{}:
			defer func() { <-b.busy }()
		case <-ctx.Done():
			return
		}
		select {
		case <-b.met:
		case <-ctx.Done():
			return
		}
		if err := b.answer(ctx, h, d); err != nil {
			if ctx.Err() == nil {
				b.cfg.Warn(fmt.Errorf("slack: what %s did is kept, and dealt with by the next process: %w", d.User, err))
			}
			return
		}
		if err := b.cfg.Inbox.Heed(context.WithoutCancel(ctx), h.Key); err != nil {
			b.cfg.Warn(fmt.Errorf("slack: %w", err))
		}
	}()
}

// answer deals with a delivery. Its error is that of a state that can no
// longer be used.
func (b *Bot) answer(ctx context.Context, h Heard, d *delivery) error {
	if d.Kind == isHome {
		b.homes.due.change(d.User)
		return nil
	}
	who, err := b.speaker(ctx, d)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		b.respond(ctx, d, chatops.Reply{Text: "Slack did not say who you are, so nothing was done. Try it once more."})
		return nil
	}
	said := chatops.Said{Text: d.Text, Key: h.Key, At: h.At, Form: d.Trigger != ""}
	var reply chatops.Reply
	switch d.Kind {
	case isPress:
		if reply, err = b.cfg.Desk.Press(ctx, who, d.Do, d.Value); err == nil {
			err = b.adopt(ctx, d)
		}
	case isSubmit:
		reply, err = b.cfg.Desk.Submit(ctx, who, d.Do, d.Value, d.Filled, said)
	default:
		reply, err = b.cfg.Desk.Do(ctx, who, said)
	}
	if err != nil {
		return err
	}
	if reply.Run != "" {
		b.Changed(reply.Run)
	}
	b.respond(ctx, d, reply)
	if d.View != "" && b.homes.post(d.User).Place != "" { // it may be the home that they have pressed on
		b.homes.due.change(d.User)
	}
	return nil
}

// adopt takes a card in that was pressed on and that nobody knows of: one whose
// posting no process has lived to note. It is kept as it is to be from now on.
func (b *Bot) adopt(ctx context.Context, d *delivery) error {
	run := chatops.RunOf(d.Value)
	if run == "" || d.Ephemeral || d.Message == "" || d.Channel == "" {
		return nil
	}
	p, err := b.page(ctx, run)
	if err != nil {
		return nil //nolint:nilerr // there is no such run
	}
	ref, _, _ := strings.Cut(d.Value, " ")
	a := p.story.ByRef(ref)
	if a == nil {
		return nil
	}
	at := d.Channel + "/" + d.Message
	for _, post := range p.posts {
		if post.Ref == at {
			return nil
		}
	}
	post := Post{Run: run, Key: a.Key, Place: d.Channel + "#" + d.Message, Ref: at, At: b.cfg.Now()}
	if done, ok := p.post(keyDone, ""); ok {
		if err := b.cfg.Posts.DropPost(ctx, done); err != nil {
			return err
		}
	}
	return b.cfg.Posts.SetPost(ctx, post)
}

// respond tells somebody what came of what they did. Failing is no reason to
// do it again.
func (b *Bot) respond(ctx context.Context, d *delivery, r chatops.Reply) {
	var err error
	switch {
	case r.Aloud != "":
		err = b.aloud(ctx, r)
	case r.Form != nil:
		err = b.open(ctx, d, form(*r.Form, d))
	case r.Card != nil && d.Kind == isPress:
		err = b.open(ctx, d, b.painter.show(*r.Card))
	case r.Card != nil:
		err = b.private(ctx, d, b.painter.draw(*r.Card))
	case r.Text != "":
		err = b.private(ctx, d, replyOf(b.shortened(ctx, r)))
	}
	b.unanswered(ctx, d, err)
	if err != nil && (r.Form != nil || r.Card != nil) { // whoever has pressed sees nothing
		b.unanswered(ctx, d, b.private(ctx, d, drawn{text: "Slack did not show what you asked for. Do it once more."}))
	}
}

// unanswered notes that somebody could not be answered. That Slack allows a window
// for three seconds only is no fault.
func (b *Bot) unanswered(ctx context.Context, d *delivery, err error) {
	if kind, _ := faultOf(err); err == nil || kind == faultStale || ctx.Err() != nil {
		return
	}
	b.health.count(&b.health.failed)
	b.cfg.Warn(fmt.Errorf("slack: %s could not be answered: %w", d.User, err))
}

func replyOf(r chatops.Reply) drawn {
	d := drawn{text: clipSafe(r.Text, maxBrief)}
	d.blocks = append(d.blocks, section(clipSafe(r.Text, maxSection)))
	for _, p := range pieces(chatops.Part{Code: true, Text: r.Code}) {
		if p.Text != "" {
			d.blocks = append(d.blocks, section(code(p.Text, maxSection)))
		}
	}
	return d
}

// open shows a window; Slack allows that for three seconds.
func (b *Bot) open(ctx context.Context, d *delivery, v slack.ModalViewRequest) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := b.api.OpenViewContext(ctx, d.Trigger, v)
	return err
}

// private answers one person: by the address that came with what they did, or
// where they did it, or alone.
func (b *Bot) private(ctx context.Context, d *delivery, r drawn) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := errNoReply
	if d.Reply != "" {
		err = slack.PostWebhookCustomHTTPContext(ctx, d.Reply, b.http, &slack.WebhookMessage{
			Text: r.text, Blocks: blocksOf(r), ResponseType: slack.ResponseTypeEphemeral, ThreadTimestamp: d.Thread,
		})
	}
	if err == nil {
		return nil
	}
	options := b.options(r)
	if d.Thread != "" {
		options = append(options, slack.MsgOptionTS(d.Thread))
	}
	if d.Channel != "" && !strings.HasPrefix(d.Channel, "D") {
		if _, err = b.api.PostEphemeralContext(ctx, d.Channel, d.User, options...); err == nil {
			return nil
		}
	}
	_, _, err = b.send(ctx, or(direct(d.Channel), d.User), "", r)
	return err
}

// direct is a channel of one person and us; else empty.
func direct(channel string) string {
	if strings.HasPrefix(channel, "D") {
		return channel
	}
	return ""
}

func blocksOf(r drawn) *slack.Blocks {
	if len(r.blocks) == 0 {
		return nil
	}
	return &slack.Blocks{BlockSet: r.blocks}
}

// aloud says something to all who follow a run.
func (b *Bot) aloud(ctx context.Context, r chatops.Reply) error {
	p, err := b.page(ctx, r.Run)
	if err != nil {
		return err
	}
	places, _ := b.places(p)
	d := drawn{text: clipSafe(r.Aloud, maxBrief)}
	d.blocks = []slack.Block{section(clipSafe(r.Aloud, maxSection))}
	for _, place := range places {
		thread, err := b.thread(ctx, p, place)
		if err != nil {
			return err
		}
		if _, _, err := b.send(ctx, place, thread, d); err != nil {
			return err
		}
	}
	return nil
}

// errNoReply says that a delivery has no address for an answer.
var errNoReply = fmt.Errorf("there is no address for an answer")

// heardFor is how long Slack may take to be told that something was heard.
const heardFor = 2500 * time.Millisecond
