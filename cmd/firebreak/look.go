package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/service"
	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

const (
	// sourceWithin is when a source is cut off. Each answers within two
	// seconds by itself, and what it says then is more than that it was cut.
	sourceWithin = 2600 * time.Millisecond
	// lookWithin is when a diagnosis goes on with what has come.
	lookWithin = 2800 * time.Millisecond
)

// snapshot is what was read of a service at one moment, for a diagnosis: all
// that it depends on.
type snapshot struct {
	Type        string                   `json:"type"`
	Service     string                   `json:"service"`
	Environment string                   `json:"environment"`
	At          time.Time                `json:"at"`
	ElapsedMS   int64                    `json:"elapsed_ms"`
	Sources     []source                 `json:"sources"`
	Input       capability.DiagnoseInput `json:"input"`
}

// source says how one reading went.
type source struct {
	Name  string `json:"name"` // the section of the service
	OK    bool   `json:"ok"`
	MS    int64  `json:"ms"`
	Error string `json:"error,omitempty"`
}

// reading is one source, and where what it answers goes.
type reading struct {
	name, action string
	input        string // JSON
	take         func(*capability.DiagnoseInput, json.RawMessage) error
}

// readings are the sources of a diagnosis.
func readings(since time.Duration) []reading {
	return []reading{
		{"metrics", "metrics.pool", `{}`, into(func(in *capability.DiagnoseInput) any { return &in.Pool })},
		{"database", "database.connections", `{"refusal":true}`, into(func(in *capability.DiagnoseInput) any { return &in.Database })},
		{"pooler", "pooler.status", `{}`, into(func(in *capability.DiagnoseInput) any { return &in.Pooler })},
		{"settings", "settings.changes", fmt.Sprintf(`{"since":%q}`, since.String()), into(func(in *capability.DiagnoseInput) any { return &in.Changes })},
	}
}

func into(field func(*capability.DiagnoseInput) any) func(*capability.DiagnoseInput, json.RawMessage) error {
	return func(in *capability.DiagnoseInput, raw json.RawMessage) error { return json.Unmarshal(raw, field(in)) }
}

// caller is what a look needs of the plugins' host.
type caller interface {
	Run(ctx context.Context, call host.Call, sink plugins.Stream) plugins.Outcome
}

// look reads every configured source of a service side by side. It blocks for
// lookWithin at the most; what has not come by then is said to be missing.
func look(ctx context.Context, h caller, svc *service.Service, since time.Duration) snapshot {
	began := time.Now()
	s := snapshot{Type: "snapshot", Service: svc.Name, Environment: svc.Environment, At: began.UTC(), Sources: []source{}}
	ctx, cancel := context.WithTimeout(ctx, sourceWithin)
	defer cancel()
	type answer struct {
		reading
		outcome plugins.Outcome
		took    time.Duration
	}
	answers := make(chan answer, len(readings(since)))
	waiting := map[string]bool{}
	for _, r := range readings(since) {
		if _, ok := svc.Sections[r.name]; !ok {
			continue
		}
		waiting[r.name] = true
		go func() {
			call := host.Call{ID: fmt.Sprintf("diagnose %s %s %d", svc.Name, r.name, began.UnixNano()), Service: svc.Name, Action: r.action, Input: json.RawMessage(r.input)}
			o := h.Run(ctx, call, nil)
			answers <- answer{r, o, time.Since(began)}
		}()
	}
	late := time.NewTimer(lookWithin)
	defer late.Stop()
	for len(waiting) > 0 {
		select {
		case a := <-answers:
			delete(waiting, a.name)
			said := source{Name: a.name, OK: a.outcome.Failure == nil, MS: a.took.Milliseconds()}
			if f := a.outcome.Failure; f != nil {
				said.Error = f.Class + ": " + f.Reason
			} else if err := a.take(&s.Input, a.outcome.Outputs); err != nil {
				said.OK, said.Error = false, "internal: "+err.Error()
			}
			if d := s.Input.Database; a.name == "database" && d != nil && d.Unread {
				said.OK, said.Error = false, "the login is refused: "+d.Connect.SQLState+" "+d.Connect.Text
				if d.Connect.SQLState == "" { // nothing that speaks for a server
					said.Error = "unavailable: " + d.Connect.Text
				}
			}
			s.Sources = append(s.Sources, said)
			continue
		case <-late.C:
		}
		break
	}
	for name := range waiting {
		s.Sources = append(s.Sources, source{Name: name, MS: lookWithin.Milliseconds(), Error: "timeout: no answer in time"})
	}
	slices.SortFunc(s.Sources, func(a, b source) int { return strings.Compare(a.Name, b.Name) })
	s.ElapsedMS = time.Since(began).Milliseconds()
	return s
}
