package chatops

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// listed is how many runs are listed.
const listed = 10

// lineText is a line, and what is below it, without colours.
func lineText(l Line) string {
	text := strings.TrimRight(fmt.Sprintf("%-16s %s", l.Name, l.Text), " ")
	if l.Took > 0 {
		text += " (" + Elapsed(l.Took) + ")"
	}
	return strings.Join(append([]string{text}, l.Detail...), "\n    ") + "\n"
}

func (d *Desk) list(c Command) Reply {
	word := strings.ToLower(rest(c.Args, 0))
	var b strings.Builder
	books := slices.SortedFunc(slices.Values(d.Starts.Books()), func(a, b *runbook.Runbook) int { return cmp.Compare(a.Name, b.Name) })
	for _, book := range books {
		if strings.Contains(strings.ToLower(book.Name+" "+book.Title), word) {
			fmt.Fprintf(&b, "%-28s %s\n", book.Name, book.Title)
		}
	}
	if b.Len() == 0 {
		return Reply{Text: "No runbook has " + word + " in its name or title."}
	}
	return Reply{Text: "Runbooks:", Code: b.String()}
}

func (d *Desk) show(c Command) (Reply, error) {
	b, err := d.book(c.Args[0])
	if err != nil {
		return Reply{}, err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "owner   %s\n", b.Owner)
	for _, in := range b.Inputs {
		need := "may be left out"
		if in.Required {
			need = "needed"
		}
		fmt.Fprintf(&text, "input   %s: %s, %s  %s\n", in.Name, in.Type.String(), need, in.Doc)
	}
	for _, s := range b.All() {
		if asking := s.Asking(); asking != nil {
			var of []string
			for _, r := range asking.Of {
				of = append(of, r.Role+" for "+round2(r.For))
			}
			fmt.Fprintf(&text, "asks    %s at %s; silence: %s\n", strings.Join(of, ", then "), NewEntry(s.ID, s.Uses, s.Kind).Name, asking.OnExpiry)
		}
		if s.Mutates() {
			fmt.Fprintf(&text, "changes %s\n", s.Uses)
		}
	}
	return Reply{Text: b.Name + ": " + b.Title, Code: text.String()}, nil
}

func (d *Desk) runs(ctx context.Context, who Speaker, c Command) (Reply, error) {
	_, open := c.Flags["open"]
	_, mine := c.Flags["mine"]
	_, failed := c.Flags["failed"]
	all, err := d.Runs.List(ctx, open, 20*listed)
	if err != nil {
		return Reply{}, err
	}
	var b strings.Builder
	n := 0
	for _, r := range all {
		if mine && r.Requester.Name != who.Person || failed && r.Word != engine.FailedClean && r.Word != engine.FailedDirty {
			continue
		}
		if n++; n > listed {
			break
		}
		fmt.Fprintf(&b, "%s  %-24s %-12s %-22s %s\n", r.ID, r.Runbook, r.Service, State(r), Requester(r.Requester))
	}
	if n == 0 {
		return Reply{Text: "There are no such runs."}, nil
	}
	return Reply{Text: "The last runs:", Code: b.String()}, nil
}

func (d *Desk) status(ctx context.Context, who Speaker, run string) (Reply, error) {
	s, err := d.Story(ctx, run)
	if err != nil {
		return Reply{}, err
	}
	c := s.Board()
	c.Call, c.Ping = nil, ""
	for _, a := range s.Asks() {
		if err := d.looks(ctx, s, a, who); err != nil {
			return Reply{}, err
		}
		c.Parts = append(c.Parts, Part{Small: true, Text: a.Name + " asks " + strings.Join(a.Roles, " or ") + ": " + d.Command + " approve " + run + " --step " + a.Path})
	}
	return Reply{Card: &c, Run: run}, nil
}

func (d *Desk) logs(ctx context.Context, c Command) (Reply, error) {
	s, err := d.Story(ctx, c.Args[0])
	if err != nil {
		return Reply{}, err
	}
	step := rest(c.Args, 1)
	log := s.Log(step)
	if log == "" {
		return Reply{Text: "Nothing was told of " + or(step, "it") + " yet."}, nil
	}
	return Reply{Text: "Run " + c.Args[0] + ":", Code: log, Run: c.Args[0]}, nil
}

// Log is what has happened, or only what has happened to a step, a line for
// each thing.
func (s *Story) Log(step string) string {
	var b strings.Builder
	for _, t := range s.Lines {
		if step == "" || t.Name == step {
			b.WriteString(t.At.UTC().Format("15:04:05") + "  " + lineText(t.Line))
		}
	}
	return b.String()
}

func round2(t time.Duration) string { return strings.TrimSuffix(t.String(), "0s") }
