package slack

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/firebreak-ops/firebreak/chatops"
)

// maxCode is how much of what is shown as it is an answer has; of more it shows
// the last lines.
const maxCode = 3 * maxSection / 2

// attach puts a text into the thread of a run, as a file.
func (b *Bot) attach(ctx context.Context, channel, thread, name, text string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	text = chatops.Plain(text)
	_, err := b.api.UploadFileContext(ctx, slack.UploadFileParameters{
		Filename: name, Title: name, Content: text, FileSize: len(text), Channel: channel, ThreadTimestamp: thread,
	})
	if err != nil {
		return fmt.Errorf("upload %s: %w", name, err)
	}
	return nil
}

// shortened is an answer within what a message takes: what is too long for it
// becomes a file in the thread of its run, and its last lines are shown.
func (b *Bot) shortened(ctx context.Context, r chatops.Reply) chatops.Reply {
	if utf8.RuneCountInString(r.Code) <= maxCode {
		return r
	}
	where := "firebreak runs show has all of it."
	if r.Run == "" {
		where = "There is more."
	} else if err := b.inThread(ctx, r.Run, r.Code); err == nil {
		where = "All of it is a file in the thread of the run."
	} else if ctx.Err() == nil {
		b.health.count(&b.health.failed)
		b.cfg.Warn(fmt.Errorf("slack: run %s: %w", r.Run, err))
	}
	r.Text += " These are the last lines. " + where
	r.Code = lastLines(r.Code, maxCode)
	return r
}

// inThread puts a text as a file wherever a run is told.
func (b *Bot) inThread(ctx context.Context, run, text string) error {
	p, err := b.page(ctx, run)
	if err != nil {
		return err
	}
	places, alone := b.places(p)
	if alone || len(places) == 0 {
		return errNobody
	}
	for _, place := range places {
		thread, err := b.thread(ctx, p, place)
		if err != nil {
			return err
		}
		if err := b.attach(ctx, place, thread, run+".log", text); err != nil {
			return err
		}
	}
	return nil
}

// attachText puts what a message has cut, if anything, into the thread. What
// Slack does not take was told all the same, if not all of it.
func (b *Bot) attachText(ctx context.Context, p *page, text, place, thread string) {
	run := p.story.Run.Facts.ID
	if text == "" {
		return
	}
	if err := b.attach(ctx, place, thread, run+".log", text); err != nil && ctx.Err() == nil {
		b.health.count(&b.health.failed)
		b.cfg.Warn(fmt.Errorf("slack: run %s: %w", run, err))
	}
}

// tooLong is what of some lines a message cuts, in full; empty: nothing.
func tooLong(all []chatops.Line) string {
	var text strings.Builder
	for _, l := range all {
		if utf8.RuneCountInString(l.Text) > maxLine || len(l.Detail) > maxDetail {
			text.WriteString(strings.Join(append([]string{strings.TrimSpace(l.Name + " " + l.Text)}, l.Detail...), "\n") + "\n")
		}
	}
	return text.String()
}

// lastLines are the last lines of a text that have a number of characters at
// most together; of a line that takes most of that, its end.
func lastLines(text string, most int) string {
	text = strings.TrimRight(text, "\n")
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	end := string(runes[len(runes)-most+1:])
	if _, whole, _ := strings.Cut(end, "\n"); utf8.RuneCountInString(whole) > most/2 {
		return whole
	}
	return "…" + end
}
