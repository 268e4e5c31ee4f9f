package host

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

const (
	mask        = "[secret]"
	minSecret   = 4  // bytes; hiding shorter values would hide ordinary text
	minPassword = 8  // bytes, of a password found within a secret
	minLine     = 24 // bytes, of a line of a secret of several lines

	maxText = 8 << 10 // bytes, of a report or a reason
)

// masks knows the secret values of this process, and hides them in text.
type masks struct {
	mu       sync.RWMutex
	values   []string // longest first
	replacer *strings.Replacer
}

// add learns values, and what a text could show of them: the password of a
// URL or a connection string, unless it is the user's name, the long lines of
// a key file, and each of these as it looks escaped.
func (m *masks) add(values ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, value := range values {
		if len(value) < minSecret {
			continue
		}
		for _, part := range append(within(value), value) {
			m.learn(part)
			for _, spelling := range spelled(part) {
				m.learn(spelling)
			}
		}
	}
	slices.SortStableFunc(m.values, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(m.values))
	for _, value := range m.values {
		pairs = append(pairs, value, mask)
	}
	m.replacer = strings.NewReplacer(pairs...)
}

func (m *masks) learn(value string) {
	if !slices.Contains(m.values, value) {
		m.values = append(m.values, value)
	}
}

var passwordOf = regexp.MustCompile(`(?:^|\s)password\s*=\s*('(?:[^'\\]|\\.)*'|\S+)`)

func within(secret string) []string {
	var parts []string
	if u, err := url.Parse(secret); err == nil && u.User != nil {
		password, _ := u.User.Password()
		_, escaped, _ := strings.Cut(u.User.String(), ":")
		for _, part := range []string{password, escaped} {
			if len(part) >= minPassword && part != u.User.Username() {
				parts = append(parts, part)
			}
		}
	}
	for _, match := range passwordOf.FindAllStringSubmatch(secret, -1) {
		if part := strings.Trim(match[1], "'"); len(part) >= minPassword {
			parts = append(parts, part)
		}
	}
	if strings.Contains(secret, "\n") {
		for line := range strings.Lines(secret) {
			if line = strings.TrimSpace(line); len(line) >= minLine && !strings.Contains(line, " ") {
				parts = append(parts, line)
			}
		}
	}
	return parts
}

// spelled are the ways in which errors and logs write a value that has
// characters which they escape.
func spelled(value string) []string {
	quoted := strconv.Quote(value)
	all := []string{quoted[1 : len(quoted)-1], url.QueryEscape(value), url.PathEscape(value)}
	if raw, err := json.Marshal(value); err == nil {
		html := string(raw[1 : len(raw)-1])
		all = append(all, html, strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(html))
	}
	return all
}

// say is text for people: secrets hidden, and no longer than anybody reads.
func (m *masks) say(text string) string { return shortened(m.text(text), maxText) }

// shortened cuts text to limit bytes, and says so. What it cuts has no
// secrets any more, of which a piece could be left.
func shortened(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	kept := strings.ToValidUTF8(text[:limit], "")
	return fmt.Sprintf("%s… (%d bytes more)", kept, len(text)-len(kept))
}

// text makes s fit for people: every known secret is hidden, and what a
// terminal would obey is shown instead, so that no commit, answer or log line
// can rewrite what stands on an approver's screen.
func (m *masks) text(s string) string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.replacer != nil {
		s = m.replacer.Replace(s)
	}
	return visible(s)
}

// visible writes control characters, and those that turn the direction of
// text around, as escapes; line ends and tabs stay.
func visible(s string) string {
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var out strings.Builder
	for _, r := range s {
		if hidden(r) {
			out.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

func hidden(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

// in says whether a string, key or number of the JSON value raw contains a
// known secret.
func (m *masks) in(raw json.RawMessage) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if len(m.values) == 0 || len(raw) == 0 {
		return false
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return !errors.Is(err, io.EOF) && m.within(string(raw))
		}
		switch t := token.(type) {
		case string:
			if m.within(t) {
				return true
			}
		case json.Number:
			if m.within(t.String()) {
				return true
			}
		}
	}
}

// show says whether s contains a known secret.
func (m *masks) show(s string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.within(s)
}

// within is show for callers that hold m.mu.
func (m *masks) within(s string) bool {
	return slices.ContainsFunc(m.values, func(secret string) bool { return strings.Contains(s, secret) })
}
