package main

import (
	"fmt"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// proofLine says why a step may change something, in the output of `check`.
type proofLine struct {
	Type   string       `json:"type"`
	File   string       `json:"file"`
	Line   int          `json:"line"`
	Step   string       `json:"step"`
	Uses   string       `json:"uses"`
	Effect string       `json:"effect"`
	Gate   proofGate    `json:"gate"`
	Verify proofVerdict `json:"verify"`
	Undo   proofUndo    `json:"undo"`
}

type proofGate struct {
	File   string   `json:"file"`
	Step   string   `json:"step"`
	Line   int      `json:"line"`
	Roles  []string `json:"roles"`
	Quorum int      `json:"quorum"`
}

type proofVerdict struct {
	File    string `json:"file"`
	Step    string `json:"step"`
	Line    int    `json:"line"`
	Uses    string `json:"uses,omitempty"`
	None    string `json:"none,omitempty"`
	Owner   string `json:"owner,omitempty"`
	LastDay string `json:"last_day,omitempty"`
}

type proofUndo struct {
	Line int    `json:"line"`
	Uses string `json:"uses,omitempty"`
	None string `json:"none,omitempty"`
}

func proofOf(p runbook.Proof) proofLine {
	s, gate, verify := p.Step, p.Gate.Approve, p.Verify.Verify
	line := proofLine{
		Type: "proof", File: s.Frame.File, Line: s.Pos.Line, Step: s.Path, Uses: s.Uses, Effect: string(s.Action.Effect),
		Gate:   proofGate{File: p.Gate.Frame.File, Step: p.Gate.Path, Line: gate.Pos.Line, Quorum: gate.Quorum},
		Verify: proofVerdict{File: p.Verify.Frame.File, Step: p.Verify.Path, Line: verify.Pos.Line, Uses: verify.Uses, None: verify.None, Owner: verify.Owner, LastDay: verify.LastDay},
		Undo:   proofUndo{Line: s.Undo.Pos.Line, Uses: s.Undo.Uses, None: s.Undo.None},
	}
	for _, of := range gate.Of {
		line.Gate.Roles = append(line.Gate.Roles, of.Role)
	}
	return line
}

// proofs shows for every change of a runbook what makes it safe.
func (a *app) proofs(book *runbook.Runbook) error {
	for _, p := range book.Proofs() {
		line := proofOf(p)
		if a.flags.json {
			if err := a.printJSON(line); err != nil {
				return err
			}
			continue
		}
		where := func(file string, line int) string {
			if file == book.File {
				return fmt.Sprintf("line %d", line)
			}
			return fmt.Sprintf("line %d of %s", line, file)
		}
		a.printf("  %s: %s, %s (%s)\n", where(line.File, line.Line), line.Step, line.Uses, line.Effect)
		a.printf("    gate    %s, of %s: %s\n", where(line.Gate.File, line.Gate.Line), line.Gate.Step, strings.Join(line.Gate.Roles, ", then "))
		v, u := line.Verify, line.Undo
		if v.None != "" {
			a.printf("    verify  %s, of %s: none until %s (%s): %s\n", where(v.File, v.Line), v.Step, v.LastDay, v.Owner, v.None)
		} else {
			a.printf("    verify  %s, of %s: %s\n", where(v.File, v.Line), v.Step, v.Uses)
		}
		a.printf("    undo    %s: %s\n", where(line.File, u.Line), usesOrNone(u.Uses, u.None))
	}
	return nil
}

func usesOrNone(uses, none string) string {
	if none != "" {
		return "none: " + none
	}
	return uses
}
