package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"
)

// The picture in the README is drawn anew from what a drill writes to a terminal:
//
//	script -qec 'stty cols 108 rows 60; bin/firebreak drill inc-2024-0715' drill.tty
//	go test ./cmd/firebreak -run TestDocsPicture -picture $PWD/drill.tty
var picture = flag.String("picture", "", "output of a drill on a terminal, to draw docs/drill.svg from")

func TestDocsScreen(t *testing.T) {
	for name, c := range map[string]struct{ out, want string }{
		"plain":        {"one\r\ntwo\r\n", "one|two"},
		"colours":      {"\x1b[32m✓\x1b[0m done\r\n", "✓ done"},
		"redrawn":      {"kept\r\nold 1\r\nold 2\r\n\x1b[2A\x1b[Jnew\r\n", "kept|new"},
		"drawn over":   {"abc\rX\r\n", "Xbc"},
		"empty at end": {"a\r\n\r\n\r\n", "a"},
	} {
		var lines []string
		for _, line := range screenOf(c.out) {
			text := ""
			for _, cell := range line {
				text += string(cell.char)
			}
			lines = append(lines, text)
		}
		if got := strings.Join(lines, "|"); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestDocsDraw(t *testing.T) {
	var b strings.Builder
	if err := draw(&b, screenOf("\x1b[31m✗\x1b[0m a < b\r\n")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `#ff7b72">✗</text>`) || !strings.Contains(b.String(), "a &lt; b</text>") {
		t.Error(b.String())
	}
	wellFormed(t, b.String())
	if err := draw(&b, screenOf("\x1b[95mnew\r\n")); err == nil {
		t.Error("a colour without a look is drawn")
	}
}

// TestDocsPicture holds the picture of the README to being one of a passed drill.
func TestDocsPicture(t *testing.T) {
	const file = docsDir + "/drill.svg"
	if *picture != "" {
		raw, err := os.ReadFile(*picture)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := draw(&b, screenOf(withoutScript(string(raw)))); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	svg, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, string(svg))
	for _, text := range []string{"alert DBConnectionPoolHigh", "app_pool_too_small", "approved by", "PASSED", "INC-2024-0715"} {
		if !strings.Contains(string(svg), text) {
			t.Errorf("it does not show %q", text)
		}
	}
}

// withoutScript leaves out the lines that script(1) adds to a typescript.
func withoutScript(out string) string {
	if _, rest, ok := strings.Cut(out, "\n"); ok && strings.HasPrefix(out, "Script started") {
		out = rest
	}
	out, _, _ = strings.Cut(out, "\nScript done")
	return out
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
