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
	maxBlocks  = 50   // of a message
	maxView    = 100  // blocks of a window, or of a home
	maxShown   = 9000 // of all blocks together: telephones, and the API, refuse walls of text
	maxWindow  = 60_000
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

// middle shortens a text in its middle: of what went wrong the end says most.
func middle(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	if most < 8 {
		return clip(text, most)
	}
	first := most / 4
	return string(runes[:first]) + " … " + string(runes[len(runes)-(most-first-3):])
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
func clipSafe(text string, most int) string { return shortenSafe(text, most, clip) }

// shortenSafe is the same for any way of shortening.
func shortenSafe(text string, most int, shorten func(text string, most int) string) string {
	for size := most; ; {
		short := shorten(text, size)
		out := safe(short)
		over := utf8.RuneCountInString(out) - most
		if over <= 0 {
			return out
		}
		size = max(min(size, utf8.RuneCountInString(short))-max(over/5, 1), 0)
	}
}

// code is a text in a fixed width, of a number of characters at most.
func code(text string, most int) string {
	fitting, _ := fenced(text, most, clip)
	return fitting
}

// codeEnd is the same of the end of a text; isCut: there is more before it.
func codeEnd(text string, most int) (end string, isCut bool) {
	return fenced(text, most, func(text string, most int) string {
		last := lastLines(text, max(most-maxBefore, 1))
		if last == text {
			return text
		}
		return fmt.Sprintf("… %d lines before\n%s", strings.Count(text, "\n")-strings.Count(last, "\n"), last)
	})
}

// maxBefore is how long it may be that something is left out before.
const maxBefore = 40

const fence = "```"

// fenced is a text in a fixed width, shortened until it has a number of
// characters at most.
func fenced(text string, most int, shorten func(text string, most int) string) (out string, isCut bool) {
	text = strings.TrimRight(chatops.Plain(text), "\n")
	if text == "" {
		return "", false
	}
	room := most - 2*len(fence)
	for size := max(utf8.RuneCountInString(text), room); ; {
		short := text
		if size = min(size, room); utf8.RuneCountInString(text) > size {
			short = shorten(text, size)
		}
		out := escaping.Replace(fencing.Replace(short))
		over := utf8.RuneCountInString(out) - room
		if over <= 0 {
			return fence + out + fence, short != text
		}
		size = max(min(size, utf8.RuneCountInString(short))-max(over/5, 1), 0)
	}
}

// width is how many characters a character of code takes.
func width(r rune) int {
	switch r {
	case '&':
		return len("&amp;")
	case '<', '>':
		return len("&lt;")
	default:
		return 1
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
