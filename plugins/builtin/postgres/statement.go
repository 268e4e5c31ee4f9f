package postgres

import (
	"regexp"
	"strings"
)

var kinds = map[string]string{
	"select": "read", "table": "read", "values": "read", "with": "read", "fetch": "read", "copy": "read", "explain": "read",
	"insert": "write", "update": "write", "delete": "write", "merge": "write",
	"alter": "ddl", "create": "ddl", "drop": "ddl", "truncate": "ddl", "reindex": "ddl", "cluster": "ddl", "refresh": "ddl", "vacuum": "ddl",
	"lock": "lock",
}

var (
	constant = regexp.MustCompile(`(?s)'(?:[^']|'')*'|\$(\w*)\$.*?\$\w*\$|\b\d+(?:\.\d+)?\b`)
	openText = regexp.MustCompile(`(?s)'[^']*$`)
	comment  = regexp.MustCompile(`(?s)/\*.*?\*/|--[^\n]*`)
	space    = regexp.MustCompile(`\s+`)
)

// kindOf says what a statement does, by its first word.
func kindOf(backendType, query string) string {
	if backendType == "autovacuum worker" || strings.HasPrefix(query, "autovacuum:") {
		return "autovacuum"
	}
	first, _, _ := strings.Cut(strings.TrimSpace(space.ReplaceAllString(comment.ReplaceAllString(query, " "), " ")), " ")
	if k := kinds[strings.ToLower(strings.Trim(first, "(;"))]; k != "" {
		return k
	}
	return "other"
}

// mostQuery is how many bytes of a statement are shown.
const mostQuery = 200

// withoutLiterals returns the beginning of a statement without the values in
// it, which may be anybody's data.
func withoutLiterals(query string) string {
	q := comment.ReplaceAllString(query, " ")
	q = constant.ReplaceAllString(q, "?")
	q = openText.ReplaceAllString(q, "?") // the server cut it off
	q = strings.TrimSpace(space.ReplaceAllString(q, " "))
	if len(q) > mostQuery {
		q = strings.ToValidUTF8(q[:mostQuery], "") + "…"
	}
	return q
}
