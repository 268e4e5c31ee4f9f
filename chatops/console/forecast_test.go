package console

import (
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/forecast"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// TestForecast shows a plan, in colour only where the terminal has them.
func TestForecast(t *testing.T) {
	f := &forecast.Forecast{
		Runbook: "cure", Service: "api", Environment: "prod", Locks: []string{"git:\x1brepo"},
		Steps: []*forecast.Step{{
			Path: "a", ID: "a", Kind: runbook.KindAction, Uses: "settings.apply", Mutates: true, Happens: forecast.Would,
			Plan: &forecast.Plan{Detail: "-20\n+50", Unit: "settings", Affected: 1}, Undo: &forecast.Undo{Path: "a", None: "no"},
		}},
	}
	want := `plan of cure  ·  api (prod)
  ! a                         would change with settings.apply, touches 1 setting
      -20
      +50
      no undo: no
in all
  · touches                   nothing that is known yet
  · locks                     git:\u001brepo
  · longest                   0s of machines
`
	var out strings.Builder
	Forecast(&out, f, Options{Width: 100})
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	Forecast(&out, f, Options{Width: 100, Color: true})
	if withoutEscapes(out.String()) != want || !strings.Contains(out.String(), "\x1b[32m      +50") {
		t.Errorf("in colour it says %q", out.String())
	}
}
