package chatops

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxFacts is how many fields of an output a summary shows.
const maxFacts = 4

// outputs are the fields of what a step returned.
type outputs map[string]any

// summary is what a step returned, in half a line: what is known is put in
// the words of its contract, anything else is told by its first plain fields.
func summary(returned json.RawMessage) string {
	var out outputs
	if err := json.Unmarshal(returned, &out); err != nil {
		return ""
	}
	for _, known := range []func(outputs) (string, bool){finding, setting, pool, connections, command} {
		if text, ok := known(out); ok {
			return text
		}
	}
	return facts(out)
}

// finding is a diagnosis, by its cause.
func finding(out outputs) (string, bool) {
	top, ok := out["top"].(map[string]any)
	if !ok {
		return "", false
	}
	s := fmt.Sprintf("%v", top["cause"])
	if c, ok := top["confidence"].(float64); ok {
		s += fmt.Sprintf(" (%.2f)", c)
	}
	if chain, ok := top["chain"].([]any); ok && len(chain) > 0 {
		parts := make([]string, len(chain))
		for i, link := range chain {
			parts[i] = fmt.Sprint(link)
		}
		s += ": " + strings.Join(parts, " → ")
	}
	return s, true
}

// setting is a setting that was read or written.
func setting(out outputs) (string, bool) {
	name, ok := out["setting"].(string)
	if !ok {
		return "", false
	}
	if to, ok := out["to"]; ok {
		return fmt.Sprintf("%s %s → %s", name, plain(out["from"]), plain(to)), true
	}
	return fmt.Sprintf("%s is %s", name, plain(out["value"])), true
}

// pool is a connection pool as a service sees it.
func pool(out outputs) (string, bool) {
	now, ok := out["now"].(map[string]any)
	if !ok || now["acquired"] == nil || now["max"] == nil {
		return "", false
	}
	s := fmt.Sprintf("%s of %s connections in use", plain(now["acquired"]), plain(now["max"]))
	if now["waiting"] != nil {
		s += fmt.Sprintf(", %s waiting", plain(now["waiting"]))
	}
	return s, true
}

// connections is the same as the database sees it.
func connections(out outputs) (string, bool) {
	limits, ok := out["limits"].(map[string]any)
	if !ok || out["used"] == nil {
		return "", false
	}
	s := fmt.Sprintf("%s of %s connections used", plain(out["used"]), plain(limits["max"]))
	if blocking, ok := out["blocking"].([]any); ok && len(blocking) > 0 {
		s += fmt.Sprintf(", %d blocking", len(blocking))
	}
	return s, true
}

// command is a command that has ended.
func command(out outputs) (string, bool) {
	code, ok := out["exit_code"].(float64)
	if !ok {
		return "", false
	}
	s := fmt.Sprintf("exit code %.0f", code)
	said, _ := out["stdout"].(string)
	if first, more, _ := strings.Cut(strings.TrimSpace(said), "\n"); first != "" {
		s += ": " + first
		if more != "" {
			s += " …"
		}
	}
	return s, true
}

// facts are the first plain fields, without what only a program reads.
func facts(out outputs) string {
	var told []string
	for _, key := range slices.Sorted(maps.Keys(out)) {
		if key == "resource" || len(told) == maxFacts {
			continue
		}
		switch v := out[key].(type) {
		case string:
			if v != "" && !forPrograms(v) {
				told = append(told, key+" "+v)
			}
		case bool, float64:
			told = append(told, key+" "+plain(v))
		case []any:
			told = append(told, count(len(v), key))
		}
	}
	return strings.Join(told, ", ")
}

// count says how many, of what has a name in the plural.
func count(n int, of string) string {
	if n == 1 {
		of = strings.TrimSuffix(of, "s")
	}
	return fmt.Sprintf("%d %s", n, of)
}

var hash = regexp.MustCompile(`^(sha256:)?[0-9a-f]{12,}$`)

// forPrograms reports whether a text is a time, a hash or more than a line.
func forPrograms(text string) bool {
	_, err := time.Parse(time.RFC3339, text)
	return err == nil || hash.MatchString(text) || strings.Contains(text, "\n")
}

// plain is a scalar as people write it.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case float64:
		if v == math.Trunc(v) {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
		return strconv.FormatFloat(v, 'g', 3, 64)
	default:
		return fmt.Sprint(v)
	}
}
