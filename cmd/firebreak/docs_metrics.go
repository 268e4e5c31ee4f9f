package main

import (
	"fmt"
	"strings"

	"github.com/firebreak-ops/firebreak/server/metrics"
)

// writeMetrics writes what firebreak serve counts.
func writeMetrics(b *strings.Builder) error {
	b.WriteString("How to read them: [the guide](../api.md#metrics). Besides these there are the usual `go_` and `process_` metrics.\n\n| metric | kind | labels | meaning |\n|---|---|---|---|\n")
	for _, d := range metrics.Defs() {
		labels := ""
		if len(d.Labels) > 0 {
			labels = "`" + strings.Join(d.Labels, "` `") + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", d.Name, d.Kind, labels, cellOf(strings.TrimSuffix(d.Help, ".")))
	}
	return nil
}
