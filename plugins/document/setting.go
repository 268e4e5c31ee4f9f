package document

import (
	"fmt"
	"slices"
	"strings"
)

// A setting is named by the keys that lead to it, joined by dots. A dot or a
// backslash inside a key is written \. or \\; a number is the index in a list.

// ParseSetting splits a setting's name into keys.
func ParseSetting(name string) ([]string, error) {
	var keys []string
	var key strings.Builder
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '\\' && i+1 < len(name) && (name[i+1] == '.' || name[i+1] == '\\'):
			i++
			key.WriteByte(name[i])
		case c == '.':
			keys = append(keys, key.String())
			key.Reset()
		default:
			key.WriteByte(c)
		}
	}
	keys = append(keys, key.String())
	if slices.Contains(keys, "") {
		return nil, fmt.Errorf("setting %q has an empty key; write keys joined by single dots, such as db.pool.max", name)
	}
	return keys, nil
}

// JoinSetting is the inverse of ParseSetting.
func JoinSetting(keys []string) string {
	escaped := make([]string, len(keys))
	for i, k := range keys {
		escaped[i] = strings.NewReplacer(`\`, `\\`, `.`, `\.`).Replace(k)
	}
	return strings.Join(escaped, ".")
}
