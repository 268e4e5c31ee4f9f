package chatops

import (
	"fmt"
	"strings"
	"unicode"
)

// Plain is text that a terminal shows and does not obey. What people read may
// come from anywhere, a web page or a commit among them: control characters,
// and those that turn the direction of text, are shown as escapes, and
// bytes that are no text as �. Line breaks and tabs stay.
func Plain(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if !strings.ContainsFunc(text, obeyed) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if obeyed(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

var breaks = strings.NewReplacer("\n", `\n`, "\t", `\t`)

// OneLine is [Plain] text for a place that has one line: line breaks and tabs
// are shown as escapes, too, so that nothing looks like a line of ours.
func OneLine(text string) string { return breaks.Replace(Plain(text)) }

func obeyed(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}
