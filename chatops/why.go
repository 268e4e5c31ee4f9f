package chatops

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// diagnosis is the part of a diagnosis that people are shown.
type diagnosis struct {
	Top struct {
		Cause      string   `json:"cause"`
		Confidence float64  `json:"confidence"`
		Chain      []string `json:"chain"`
		Evidence   []struct {
			Source   string `json:"source"`
			Observed string `json:"observed"`
			Supports bool   `json:"supports"`
		} `json:"evidence"`
		RuledOut []struct {
			Cause   string `json:"cause"`
			Because string `json:"because"`
		} `json:"ruled_out"`
	} `json:"top"`
}

// maxEvidence is how many observations, and how many causes that it is not,
// a card shows.
const maxEvidence = 4

// Why is what the run has found to be the cause, with its evidence and what it
// is not, at most a number of each; nil when it has looked for none.
func (s *Story) Why(most int) *Part {
	var found *diagnosis
	s.Run.Tree(func(_ *runbook.Step, at engine.Step) {
		var d diagnosis
		if at.Status == engine.StatusSucceeded && json.Unmarshal(at.Outputs, &d) == nil && d.Top.Cause != "" {
			found = &d
		}
	})
	if found == nil {
		return nil
	}
	top := found.Top
	p := &Part{Title: fmt.Sprintf("Why: %s, confidence %.2f", top.Cause, top.Confidence), Text: strings.Join(top.Chain, " → ")}
	for i, e := range top.Evidence {
		if i == most {
			break
		}
		mark := MarkGood
		if !e.Supports {
			mark = MarkBad
		}
		p.Lines = append(p.Lines, Line{Mark: mark, Name: e.Source, Text: e.Observed})
	}
	for i, r := range top.RuledOut {
		if i == most {
			break
		}
		p.Lines = append(p.Lines, Line{Mark: MarkSkip, Name: "not " + r.Cause, Text: r.Because})
	}
	return p
}
