package drills

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"
)

// WriteTable writes the result for people, beside the incident's figures.
func WriteTable(w io.Writer, s *Scenario, r Result) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\t%s\t%s\t\n", "this drill", s.Incident.ID)
	for _, row := range r.Seconds.rows() {
		fmt.Fprintf(table, "%s\t%s\t%s\t\n", row.title, shortly(row.value), longly(row.incident(s.Incident)))
	}
	fmt.Fprintf(table, "requests failed\t%s\t%s\t\n", fmt.Sprintf("%d of %d", r.Requests.Failed, r.Requests.Total), grouped(s.Incident.Failed))
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, g := range r.Goals {
		word := "met"
		if !g.Met {
			word = "MISSED"
		}
		fmt.Fprintf(w, "  %-30s %8s of %6s  %s\n", g.Name, shortly(g.Value), shortly(&g.Limit), word)
	}
	verdict := "PASSED"
	if !r.Passed {
		verdict = "FAILED"
	}
	cause := r.Cause
	if cause == "" {
		cause = "none named"
	}
	_, err := fmt.Fprintf(w, "\n%s: cause %s, %s\n", verdict, cause, s.Title)
	return err
}

func shortly(s *float64) string {
	if s == nil {
		return "never"
	}
	return strconv.FormatFloat(*s, 'f', 1, 64) + " s"
}

func longly(d time.Duration) string {
	return strconv.FormatFloat(d.Minutes(), 'f', -1, 64) + " min"
}

func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
