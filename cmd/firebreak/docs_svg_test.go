package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
)

const (
	charWidth  = 7.8
	lineHeight = 18.0
	margin     = 20.0
)

// looks are the SVG attributes of what chatops/console writes.
var looks = map[string]string{
	"":   `fill="#d4d8e0"`,
	"1":  `fill="#ffffff" font-weight="bold"`,
	"2":  `fill="#8b93a3"`,
	"31": `fill="#ff7b72"`,
	"32": `fill="#7ee787"`,
	"33": `fill="#f2cc60"`,
	"36": `fill="#6cd3e6"`,
}

// draw writes a screen as an SVG.
func draw(to io.Writer, lines [][]cell) error {
	columns := 0
	for _, line := range lines {
		columns = max(columns, len(line))
	}
	width, height := 2*margin+charWidth*float64(columns), 2*margin+lineHeight*float64(len(lines))
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="#12151b"/>`+"\n")
	fmt.Fprintf(&b, `<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="13" xml:space="preserve">`+"\n")
	for row, line := range lines {
		for _, s := range spans(line) {
			look, ok := looks[s.look]
			if !ok {
				return fmt.Errorf("line %d: there is no colour for escape %q", row+1, s.look)
			}
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" textLength="%.1f" %s>`,
				margin+charWidth*float64(s.col), margin+lineHeight*(float64(row)+0.75), charWidth*float64(len([]rune(s.text))), look)
			if err := xml.EscapeText(&b, []byte(s.text)); err != nil {
				return err
			}
			b.WriteString("</text>\n")
		}
	}
	b.WriteString("</g>\n</svg>\n")
	_, err := to.Write(b.Bytes())
	return err
}
