package console

import (
	"strings"

	"github.com/firebreak-ops/firebreak/chatops"
)

// color is an ANSI colour or attribute.
type color string

const (
	plain  color = ""
	bold   color = "1"
	red    color = "31"
	green  color = "32"
	yellow color = "33"
	cyan   color = "36"
	faint  color = "2"
)

func (v *View) paint(c color, text string) string {
	if !v.color || c == plain {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// paintDiff colours the lines of a difference.
func (v *View) paintDiff(line string) string {
	switch trimmed := strings.TrimSpace(line); {
	case strings.HasPrefix(trimmed, "+"):
		return v.paint(green, line)
	case strings.HasPrefix(trimmed, "-"):
		return v.paint(red, line)
	default:
		return v.paint(faint, line)
	}
}

func sign(m chatops.Mark) (string, color) {
	switch m {
	case chatops.MarkGood:
		return "✓", green
	case chatops.MarkBad:
		return "✗", red
	case chatops.MarkAsk:
		return "?", yellow
	case chatops.MarkSkip:
		return "-", faint
	case chatops.MarkTell:
		return "→", cyan
	case chatops.MarkUndo:
		return "↶", yellow
	case chatops.MarkEnd:
		return "■", bold
	case chatops.MarkBlock:
		return "‖", red
	case chatops.MarkChange:
		return "!", yellow
	default:
		return "·", faint
	}
}
