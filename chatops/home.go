package chatops

import (
	"context"
	"fmt"
	"slices"

	"github.com/firebreak-ops/firebreak/engine"
)

// How much of everything a home shows.
const (
	homeLooks = 100 // runs that wait for people, the newest first
	homeAsks  = 5   // questions, in full
	homeRuns  = 20
)

// Home is what somebody sees who looks at firebreak itself.
type Home struct {
	Cards []Card
	Runs  []string // ids of those that wait for them
}

// Home shows what waits for somebody, which runs are open, and what is
// stopped. Its error is as that of [Desk.Press].
func (d *Desk) Home(ctx context.Context, who Speaker) (Home, error) {
	if who.Person == "" {
		return Home{Cards: []Card{{Title: "firebreak", Parts: []Part{{Text: sentence(who.Refusal)}}}}}, nil
	}
	heads, err := d.Runs.List(ctx, true, 10*homeLooks)
	if err != nil {
		return Home{}, err
	}
	heads = slices.DeleteFunc(heads, func(h engine.Head) bool { return h.Phase == engine.PhaseEnded })
	h, err := d.waiting(ctx, who, heads)
	if err != nil {
		return Home{}, err
	}
	h.Cards = append(h.Cards, d.open(heads), d.stopped())
	return h, nil
}

// waiting are the questions that wait for somebody.
func (d *Desk) waiting(ctx context.Context, who Speaker, heads []engine.Head) (Home, error) {
	h := Home{Cards: []Card{{Title: "What waits for you"}}}
	looks, shown, more := 0, 0, 0
	for _, head := range heads {
		if !waitsForPeople(head) {
			continue
		}
		if looks++; looks > homeLooks {
			break
		}
		s, err := d.Story(ctx, head.ID)
		if err != nil {
			return Home{}, err
		}
		for _, a := range s.Asks() {
			if !slices.Contains(s.Can(a), who.Person) {
				continue
			}
			if !slices.Contains(h.Runs, head.ID) {
				h.Runs = append(h.Runs, head.ID)
			}
			if shown == homeAsks {
				more++
				continue
			}
			c := s.Ask(a, d.Now())
			c.Call, c.Ping = nil, ""
			h.Cards = append(h.Cards, c)
			shown++
		}
	}
	first := &h.Cards[0]
	switch {
	case len(h.Runs) == 0:
		first.Parts = []Part{{Text: "Nothing does."}}
	case more > 0:
		first.Parts = []Part{{Text: fmt.Sprintf("%d questions, the newest first, and %s in their channels.", shown, count(more, "more"))}}
	}
	return h, nil
}

func waitsForPeople(h engine.Head) bool {
	return slices.ContainsFunc(h.Waiting, func(on string) bool { return on == "approval" || on == "person" || on == "in_doubt" })
}

// open is the card of the runs that have not ended.
func (d *Desk) open(heads []engine.Head) Card {
	c := Card{Title: "Runs that have not ended"}
	if len(heads) == 0 {
		c.Parts = []Part{{Text: "None: " + d.Command + " run starts one."}}
		return c
	}
	var lines []Line
	for _, h := range heads[:min(homeRuns, len(heads))] {
		mark := MarkInfo
		if waitsForPeople(h) {
			mark = MarkAsk
		}
		lines = append(lines, Line{Mark: mark, Name: h.ID, Text: fmt.Sprintf("%s of %s: %s; started by %s", h.Runbook, or(h.Service, "no service"), State(h), Requester(h.Requester))})
	}
	if more := len(heads) - homeRuns; more > 0 {
		lines = append(lines, Line{Mark: MarkInfo, Text: fmt.Sprintf("and %d before: %s runs --open", more, d.Command)})
	}
	c.Parts = []Part{{Lines: lines}}
	return c
}

// stopped is the card of the halts and holds that stand.
func (d *Desk) stopped() Card {
	c := Card{Title: "Halts and holds"}
	for _, stop := range d.Stops.Standing() {
		of, lift := "everything", d.Command+" halt --lift"
		switch {
		case stop.Kind == engine.StopHold:
			of, lift = "", d.Command+" hold "+stop.Service+" --lift"
		case stop.Service != "":
			of, lift = stop.Service, d.Command+" halt --service "+stop.Service+" --lift"
		}
		c.Parts = append(c.Parts, Part{
			Lines:  []Line{{Mark: MarkBlock, Name: of, Text: because(Stopped(stop), stop.Reason) + "; to lift it: " + lift}},
			Fields: []Field{{Name: "Since", At: stop.At}},
		})
	}
	if len(c.Parts) == 0 {
		c.Parts = []Part{{Text: "None stands."}}
	}
	return c
}
