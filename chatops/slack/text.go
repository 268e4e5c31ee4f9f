package slack

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firebreak-ops/firebreak/chatops"
)

// Limits of Slack, in characters.
const (
	maxSection = 3000
	maxField   = 2000
	maxHeader  = 150
	maxBrief   = 3000
	maxLabel   = 75
	maxOption  = 75
	maxTitle   = 24   // of a form
	maxBlocks  = 50   // of a message; a form may have 100
	maxShown   = 9000 // of all blocks together: telephones, and the API, refuse walls of text
)

// clip shortens a text to a number of characters, never inside one.
func clip(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	if most < 1 {
		return ""
	}
	return string([]rune(text)[:most-1]) + "…"
}

var (
	escaping = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	// quoting takes away what would make code of text, or end code.
	quoting = strings.NewReplacer("`", "ʼ")
	fencing = strings.NewReplacer("```", "ʼʼʼ")
)

// safe is text that Slack shows and does not obey: no mention, link, channel
// or code comes of it.
func safe(text string) string { return quoting.Replace(escaping.Replace(chatops.Plain(text))) }

// clipSafe escapes a text so that what comes of it has a number of characters
// at most: it cuts before it escapes, so that no escape is cut.
func clipSafe(text string, most int) string {
	text = clip(text, most)
	for {
		out := safe(text)
		over := utf8.RuneCountInString(out) - most
		if over <= 0 {
			return out
		}
		text = clip(text, max(utf8.RuneCountInString(text)-max(over/5, 1), 0))
	}
}

// code is a text in a fixed width, of a number of characters at most.
func code(text string, most int) string {
	text = strings.TrimRight(chatops.Plain(text), "\n")
	if text == "" {
		return ""
	}
	const fence = "```"
	room := most - 2*len(fence)
	text = clip(text, room)
	for {
		out := escaping.Replace(fencing.Replace(text))
		over := utf8.RuneCountInString(out) - room
		if over <= 0 {
			return fence + out + fence
		}
		text = clip(text, max(utf8.RuneCountInString(text)-max(over/5, 1), 0))
	}
}

// moment is a time as the reader's own clock shows it.
func moment(at time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time_secs}|%s>", at.Unix(), at.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// unescape is what somebody wrote, without what Slack makes of it: a link is
// its address, or what it is called where Slack made it one.
func unescape(text string) string {
	var b strings.Builder
	for text != "" {
		before, rest, found := strings.Cut(text, "<")
		b.WriteString(before)
		if !found {
			break
		}
		inside, after, closed := strings.Cut(rest, ">")
		if !closed {
			b.WriteString(rest)
			break
		}
		target, label, named := strings.Cut(inside, "|")
		switch {
		case strings.HasPrefix(target, "@"), strings.HasPrefix(target, "#"), strings.HasPrefix(target, "!"):
			b.WriteString(target)
		case named:
			b.WriteString(label)
		default:
			b.WriteString(target)
		}
		text = after
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(b.String())
}
