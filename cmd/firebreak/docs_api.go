package main

import (
	"fmt"
	"strings"

	"github.com/firebreak-ops/firebreak/server"
)

// writeAPI writes what can be asked of firebreak serve, and what a token must
// give for it.
func writeAPI(b *strings.Builder) error {
	b.WriteString("How to ask, and what an answer means: [the guide](../api.md). A running `firebreak serve` describes each body at `/v1/openapi.json`, by the names here.\n\n## Rights\n\n| right | lets its holder |\n|---|---|\n")
	for _, r := range server.Rights() {
		fmt.Fprintf(b, "| `%s` | %s |\n", r, cellOf(r.About()))
	}
	b.WriteString("\n## Routes\n\n`nothing` needs no token, `source` takes the secret of an alert source, and `socket` is answered on the machine itself only.\n\n| route | needs | | takes | gives |\n|---|---|---|---|---|\n")
	for _, e := range server.Endpoints() {
		path := e.Path
		if len(e.Query) > 0 {
			path += "?" + strings.Join(e.Query, "&")
		}
		fmt.Fprintf(b, "| `%s %s` | `%s` | %s | %s | %s |\n", e.Method, path, e.Needs, cellOf(e.About), e.Takes, e.Gives)
	}
	return nil
}
