package exec

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"github.com/firebreak-ops/firebreak/plugins"
)

const (
	maxOutput = 32 << 10 // of each stream that is returned
	maxLogged = 2000     // lines of each stream that are streamed as they come
	maxLast   = 20       // lines after them that are streamed at the end
	maxLine   = 4 << 10
	maxWords  = 200 // bytes
)

// capture keeps the beginning of an output stream, and streams its lines.
type capture struct {
	mu    sync.Mutex
	level string
	to    plugins.Stream
	kept  bytes.Buffer
	line  bytes.Buffer
	lines int
	last  []string // of those that were not streamed yet
	words string   // the last line that is not blank
	cut   bool     // read only after the command has ended
}

// Write never fails: a command must not end because it talks too much.
func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := max(0, maxOutput-c.kept.Len())
	if len(p) > room {
		c.cut = true
	}
	c.kept.Write(p[:min(len(p), room)])
	for _, b := range p {
		switch {
		case b == '\n':
			c.log()
		case c.line.Len() < maxLine:
			c.line.WriteByte(b)
		}
	}
	return len(p), nil
}

// flush streams a last line without an end, and the last of those that were too
// many.
func (c *capture) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.line.Len() > 0 {
		c.log()
	}
	if hidden := c.lines - maxLogged - len(c.last); hidden > 0 {
		c.to.Log(c.level, fmt.Sprintf("… %d lines are not shown", hidden))
	}
	for _, text := range c.last {
		c.to.Log(c.level, text)
	}
	c.last = nil
}

func (c *capture) log() {
	text := clean(c.line.Bytes())
	c.line.Reset()
	if blank := strings.TrimSpace(text); blank != "" {
		c.words = blank
	}
	if c.lines++; c.lines <= maxLogged {
		c.to.Log(c.level, text)
		return
	}
	if len(c.last) == maxLast {
		c.last = c.last[1:]
	}
	c.last = append(c.last, text)
}

// lastLine is what was said at last, to be added to a sentence.
func (c *capture) lastLine() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.words == "" {
		return ""
	}
	return ": " + strings.ToValidUTF8(c.words[:min(len(c.words), maxWords)], "")
}

// String is what was kept, as text.
func (c *capture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return clean(c.kept.Bytes())
}

// clean makes output valid text without control characters, so that it cannot
// play tricks on a terminal, nor grow sixfold as JSON.
func clean(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, string(bytes.ToValidUTF8(b, []byte("\ufffd"))))
}
