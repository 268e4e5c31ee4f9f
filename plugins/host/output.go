package host

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
)

const (
	maxOutputLine = 8 << 10 // bytes
	keptLines     = 20      // of a plugin's last words
)

// output takes what a plugin prints, line by line, hides secrets, logs it,
// and keeps the last of it to explain its end.
type output struct {
	log   *slog.Logger
	masks *masks

	mu      sync.Mutex
	partial []byte
	last    []string
}

// Write takes any piece of text; it never fails.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	written := len(p)
	for {
		line, rest, whole := bytes.Cut(p, []byte("\n"))
		if room := maxOutputLine - len(o.partial); room > 0 {
			o.partial = append(o.partial, line[:min(room, len(line))]...)
		}
		if !whole {
			return written, nil
		}
		o.line(strings.TrimRight(string(o.partial), "\r"))
		o.partial, p = o.partial[:0], rest
	}
}

func (o *output) line(text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	level := slog.LevelInfo
	var entry struct {
		Level   string `json:"@level"`
		Message string `json:"@message"`
		Error   string `json:"error"`
	}
	if json.Unmarshal([]byte(text), &entry) == nil && entry.Message != "" { // go-plugin's own lines
		level = slog.LevelDebug
		text = strings.TrimSuffix(entry.Message+": "+entry.Error, ": ")
	}
	text = o.masks.text(text)
	if o.last = append(o.last, text); len(o.last) > keptLines {
		o.last = o.last[1:]
	}
	o.log.Log(context.Background(), level, text)
}

// lastWords is the line that best explains why a process ended.
func (o *output) lastWords() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, line := range o.last {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return line
		}
	}
	if len(o.last) == 0 {
		return ""
	}
	return o.last[len(o.last)-1]
}
