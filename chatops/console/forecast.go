package console

import (
	"fmt"
	"io"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine/forecast"
)

// Forecast shows what a run would do.
func Forecast(out io.Writer, f *forecast.Forecast, o Options) {
	v := NewView(out, o)
	parts := []string{"plan of " + f.Runbook}
	if f.Service != "" {
		parts = append(parts, inEnvironment(f.Service, f.Environment))
	}
	v.title(parts)
	for _, s := range chatops.Foreseen(f) {
		if s.Title != "" {
			fmt.Fprintf(out, "%s\n", v.paint(bold, s.Title))
		}
		for _, l := range s.Lines {
			v.line(l)
		}
	}
}
