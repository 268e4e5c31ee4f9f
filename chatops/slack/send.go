package slack

import (
	"context"
	"time"

	"github.com/slack-go/slack"
)

// send posts a message.
func (b *Bot) send(ctx context.Context, channel, thread string, d drawn, more ...slack.MsgOption) (at, ts string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	options := append(b.options(d), more...)
	if thread != "" {
		options = append(options, slack.MsgOptionTS(thread))
	}
	at, ts, err = b.api.PostMessageContext(ctx, channel, options...)
	if kind, _ := faultOf(err); kind == faultShape {
		at, ts, err = b.api.PostMessageContext(ctx, channel, append(options, slack.MsgOptionBlocks(d.bare()...))...)
	}
	if err == nil {
		b.health.reached(channel)
	}
	return at, ts, err
}

// update edits a message.
func (b *Bot) update(ctx context.Context, post Post, d drawn) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	b.health.count(&b.health.edited)
	options := append(b.options(d), slack.MsgOptionMetadata(metadataOf(post)))
	edit := func(options []slack.MsgOption) error {
		_, _, err := b.api.PostMessageContext(ctx, channelOf(post.Ref), append(options, slack.MsgOptionUpdate(tsOf(post.Ref)))...)
		return err
	}
	err := edit(options)
	if kind, _ := faultOf(err); kind == faultShape {
		return edit(append(options, slack.MsgOptionBlocks(d.bare()...)))
	}
	return err
}

func (b *Bot) options(d drawn) []slack.MsgOption {
	return []slack.MsgOption{slack.MsgOptionText(d.text, false), slack.MsgOptionBlocks(d.blocks...), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl()}
}

// callTimeout is how long one call of the Web API may take.
const callTimeout = 10 * time.Second
