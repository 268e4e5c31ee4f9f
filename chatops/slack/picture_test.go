package slack

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// pictures are the cards that the documentation shows.
var pictures = []string{"board_waits", "ask_open", "end", "home"}

// TestPictures holds the pictures of the documentation to the cards in
// testdata; -update draws them anew.
func TestPictures(t *testing.T) {
	for _, name := range pictures {
		raw, err := os.ReadFile(filepath.Join("testdata", "cards", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := picture(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		file := filepath.Join("..", "..", "docs", "slack", name+".svg")
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(want, got) {
			t.Errorf("%s is not a picture of the card (%v): go test ./chatops/slack -run TestPictures -update", file, err)
		}
	}
}

// block is as much of a block as is drawn.
type block struct {
	Type     string  `json:"type"`
	Text     words   `json:"text"`
	Fields   []words `json:"fields"`
	Elements []struct {
		Type  string          `json:"type"`
		Style string          `json:"style"`
		Text  json.RawMessage `json:"text"` // an object of buttons, a string of what is small
	} `json:"elements"`
}

type words struct {
	Text string `json:"text"`
}

// The picture's measures, in pixels.
const (
	pictureWidth = 720.0
	textLeft     = 66.0
	textRight    = pictureWidth - 24
	codeRunes    = 86 // of a line of code
)

// sheet is a picture that is drawn from top to bottom.
type sheet struct {
	body bytes.Buffer
	y    float64
}

func picture(raw []byte) ([]byte, error) {
	var card struct {
		Blocks []block `json:"blocks"`
	}
	if err := json.Unmarshal(raw, &card); err != nil {
		return nil, err
	}
	s := &sheet{y: 20}
	s.printf(`<rect x="20" y="%.0f" width="36" height="36" rx="6" fill="#c0392b"/><text x="38" y="%.0f" text-anchor="middle" font-size="20" font-weight="bold" fill="#fff">f</text>`, s.y, s.y+25)
	s.printf(`<text x="%.0f" y="%.0f" font-size="15"><tspan font-weight="bold">firebreak</tspan><tspan dx="6" font-size="10" font-weight="bold" fill="#616061">APP</tspan><tspan dx="6" font-size="12" fill="#616061">12:00</tspan></text>`, textLeft, s.y+13)
	s.y += 22
	for _, b := range card.Blocks {
		if err := s.block(b); err != nil {
			return nil, err
		}
	}
	s.y += 14
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" font-family="Lato, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif" fill="#1d1c1d">`+"\n", pictureWidth, s.y, pictureWidth, s.y)
	fmt.Fprintf(&out, `<rect x="0.5" y="0.5" width="%.0f" height="%.0f" rx="8" fill="#fff" stroke="#ddd"/>`+"\n", pictureWidth-1, s.y-1)
	out.Write(s.body.Bytes())
	out.WriteString("</svg>\n")
	return out.Bytes(), nil
}

func (s *sheet) printf(format string, args ...any) { fmt.Fprintf(&s.body, format+"\n", args...) }

func (s *sheet) block(b block) error {
	switch b.Type {
	case "header":
		s.text(textLeft, textRight-80, 18, `font-weight="bold"`, b.Text.Text)
	case "section":
		if b.Text.Text != "" {
			s.section(b.Text.Text)
		}
		s.fields(b.Fields)
	case "context":
		for _, e := range b.Elements {
			var text string
			if err := json.Unmarshal(e.Text, &text); err != nil {
				return err
			}
			s.text(textLeft, textRight, 12.5, `fill="#616061"`, text)
		}
	case "actions":
		s.y += 6
		x := textLeft
		for _, e := range b.Elements {
			label := words{"⋯"}
			if e.Type == "button" {
				if err := json.Unmarshal(e.Text, &label); err != nil {
					return err
				}
			}
			look := map[string][3]string{"primary": {"#007a5a", "#007a5a", "#fff"}, "danger": {"#e01e5a", "#e01e5a", "#fff"}, "": {"#fff", "#bbb", "#1d1c1d"}}[e.Style]
			width := 28 + 8*float64(utf8.RuneCountInString(label.Text))
			s.printf(`<rect x="%.1f" y="%.1f" width="%.1f" height="32" rx="4" fill="%s" stroke="%s"/><text x="%.1f" y="%.1f" text-anchor="middle" font-size="14" font-weight="bold" fill="%s">%s</text>`,
				x, s.y, width, look[0], look[1], x+width/2, s.y+21, look[2], escaped(label.Text))
			x += width + 8
		}
		s.y += 36
	default:
		return fmt.Errorf("a block of the type %s is not drawn", b.Type)
	}
	return nil
}

// section draws text, and code in a box of its own.
func (s *sheet) section(text string) {
	for i, piece := range strings.Split(text, "```") {
		piece = strings.Trim(piece, "\n")
		switch {
		case piece == "":
		case i%2 == 0:
			s.text(textLeft, textRight, 15, "", piece)
		default:
			var all []string
			for l := range strings.SplitSeq(plainly(piece), "\n") {
				all = append(all, wrap(l, codeRunes)...)
			}
			s.y += 4
			s.printf(`<rect x="%.0f" y="%.1f" width="%.0f" height="%d" rx="4" fill="#f8f8f8" stroke="#ddd"/>`, textLeft, s.y, textRight-textLeft, 12+18*len(all))
			for n, l := range all {
				s.printf(`<text x="%.0f" y="%.1f" font-size="12" font-family="Monaco, Menlo, Consolas, 'DejaVu Sans Mono', monospace" xml:space="preserve">%s</text>`, textLeft+10, s.y+19+18*float64(n), escaped(l))
			}
			s.y += 18 + 18*float64(len(all))
		}
	}
}

// fields are drawn in two columns.
func (s *sheet) fields(all []words) {
	half := (textLeft + textRight) / 2
	for i := 0; i < len(all); i += 2 {
		top := s.y
		s.text(textLeft, half-12, 15, "", all[i].Text)
		left := s.y
		if i+1 < len(all) {
			s.y = top
			s.text(half, textRight, 15, "", all[i+1].Text)
		}
		s.y = max(left, s.y) + 2
	}
}

// text draws mrkdwn between two edges.
func (s *sheet) text(left, right, size float64, look, text string) {
	most := int((right - left) / (size * 0.53))
	s.y += 4
	for l := range strings.SplitSeq(text, "\n") {
		indent := left + 5*float64(len(l)-len(strings.TrimLeft(l, " ")))
		for _, part := range wrap(plainly(strings.TrimSpace(l)), most) {
			s.y += size * 1.4
			s.printf(`<text x="%.1f" y="%.1f" font-size="%.1f" %s>%s</text>`, indent, s.y, size, look, spans(part))
		}
	}
	s.y += 4
}

// wrap cuts a line at spaces.
func wrap(line string, most int) (out []string) {
	for utf8.RuneCountInString(line) > most {
		head := string([]rune(line)[:most])
		cut := strings.LastIndexByte(head, ' ')
		if cut < len(head)/2 {
			cut = len(head)
		}
		out, line = append(out, line[:cut]), strings.TrimLeft(line[cut:], " ")
	}
	return append(out, line)
}

var (
	aMoment  = regexp.MustCompile(`<!date\^\d+\^[^|>]*\|([^>]*)>`)
	aMention = regexp.MustCompile(`<@U0(\w+)>`)
	anEmoji  = regexp.MustCompile(`:[a-z_]+:`)
	aSpan    = regexp.MustCompile(`\*[^*]+\*|@\w+|[✔✖☝–»↩⚑⛔✎◆]`)
)

// glyphs stand for emoji, which not every font has.
var glyphs = map[string]string{
	":white_check_mark:": "✔", ":x:": "✖", ":raised_hand:": "☝", ":heavy_minus_sign:": "–", ":loudspeaker:": "»",
	":leftwards_arrow_with_hook:": "↩", ":checkered_flag:": "⚑", ":no_entry:": "⛔", ":pencil2:": "✎", ":small_blue_diamond:": "◆",
}

// plainly is mrkdwn as it is read, but for what is bold.
func plainly(text string) string {
	text = aMoment.ReplaceAllString(text, "$1")
	text = aMention.ReplaceAllStringFunc(text, func(m string) string {
		return "@" + strings.ToLower(aMention.FindStringSubmatch(m)[1])
	})
	text = anEmoji.ReplaceAllStringFunc(text, func(m string) string {
		if g, ok := glyphs[m]; ok {
			return g
		}
		return m
	})
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}

// spans are the pieces of a line with their looks.
func spans(line string) string {
	var b strings.Builder
	at := 0
	for _, m := range aSpan.FindAllStringIndex(line, -1) {
		b.WriteString(escaped(line[at:m[0]]))
		piece := line[m[0]:m[1]]
		switch {
		case strings.HasPrefix(piece, "*"):
			fmt.Fprintf(&b, `<tspan font-weight="bold">%s</tspan>`, escaped(strings.Trim(piece, "*")))
		case strings.HasPrefix(piece, "@"):
			fmt.Fprintf(&b, `<tspan fill="#1264a3">%s</tspan>`, escaped(piece))
		default:
			colour := map[string]string{"✔": "#007a5a", "✖": "#e01e5a", "⛔": "#e01e5a", "◆": "#1264a3"}[piece]
			if colour == "" {
				colour = "#616061"
			}
			fmt.Fprintf(&b, `<tspan fill="%s">%s</tspan>`, colour, piece)
		}
		at = m[1]
	}
	b.WriteString(escaped(line[at:]))
	return b.String()
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes everything
	return b.String()
}
