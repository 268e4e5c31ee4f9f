package drills

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"
)

// WriteResult writes one drill for people, beside the incident's figures.
func WriteResult(w io.Writer, s *Scenario, r Result) error {
	if err := writeFigures(w, s, "this drill", r.Seconds, r.Requests, r.Goals); err != nil {
		return err
	}
	if r.Alert.BeforeErrors {
		fmt.Fprintf(w, "  the alert came before the errors\n")
	} else {
		fmt.Fprintf(w, "  the alert came AFTER the first request that failed\n")
	}
	if r.Alert.Resolved != nil {
		fmt.Fprintf(w, "  it was resolved %s after the change\n", shortly(r.Alert.Resolved))
	}
	cause := r.Cause
	if cause == "" {
		cause = "none named"
	}
	_, err := fmt.Fprintf(w, "\n%s: cause %s, %s\n", verdict(r.Passed), cause, s.Title)
	return err
}

// WriteWorst writes the worst of many drills for people.
func WriteWorst(w io.Writer, s *Scenario, worst Worst) error {
	if err := writeFigures(w, s, "the worst", worst.Seconds, worst.Requests, worst.Goals); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s: %d of %d seeds, %d wrong causes, %d alerts before the errors, %s\n",
		verdict(worst.Passed == worst.Seeds), worst.Passed, worst.Seeds, worst.Wrong, worst.Before, s.Title)
	return err
}

// WriteControl writes for people what became of the outage by itself.
func WriteControl(w io.Writer, r ControlResult) error {
	if r.Passed {
		_, err := fmt.Fprintf(w, "PASSED: without firebreak it stayed broken for %.0f s; in the end %.0f %% of the requests failed, p99 %.1f s\n", r.BrokenFor, 100*r.ErrorRate, r.P99)
		return err
	}
	_, err := fmt.Fprintf(w, "FAILED: without firebreak it was healthy again after %.1f s: this outage proves nothing\n", r.BrokenFor)
	return err
}

func verdict(passed bool) string {
	if passed {
		return "PASSED"
	}
	return "FAILED"
}

func writeFigures(w io.Writer, s *Scenario, title string, timings Seconds, requests Requests, goals []GoalScore) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\t%s\t%s\t\n", title, s.Incident.ID)
	for _, row := range timings.rows() {
		fmt.Fprintf(table, "%s\t%s\t%s\t\n", row.title, shortly(row.value), longly(row.incident(s.Incident)))
	}
	fmt.Fprintf(table, "requests failed\t%s\t%s\t\n", fmt.Sprintf("%d of %d", requests.Failed, requests.Total), grouped(s.Incident.Failed))
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, g := range goals {
		word := "met"
		if !g.Met {
			word = "MISSED"
		}
		fmt.Fprintf(w, "  %-30s %8s of %6s  %s\n", g.Name, shortly(g.Value), shortly(&g.Limit), word)
	}
	return nil
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
