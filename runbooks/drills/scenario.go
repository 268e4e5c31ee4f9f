package drills

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/runbooks/drills/practice"
	"github.com/firebreak-ops/firebreak/runbooks/drills/sandbox"
)

//go:embed *.yaml
var library embed.FS

// Scenario is one drill: what to break, what must be seen, how fast.
type Scenario struct {
	Drill    string        `yaml:"drill"` // version of this format
	Name     string        `yaml:"name"`
	Title    string        `yaml:"title"`
	Runbook  string        `yaml:"runbook"`
	Alert    string        `yaml:"alert"`
	Break    Break         `yaml:"break"`
	Expect   Expect        `yaml:"expect"`
	Healthy  Healthy       `yaml:"healthy"`
	Baseline time.Duration `yaml:"baseline"`
	Thinks   time.Duration `yaml:"thinks_for"`
	GivesUp  time.Duration `yaml:"gives_up_after"`
	Control  time.Duration `yaml:"control"`
	Goals    []Goal        `yaml:"goals"`
	Incident Incident      `yaml:"incident"`
}

// Break is the change that the drill makes.
type Break struct {
	Setting string `yaml:"setting"`
	From    int    `yaml:"from"`
	To      int    `yaml:"to"`
	Decoys  int    `yaml:"decoys"` // innocent commits around it
}

// Expect is what a run must come to.
type Expect struct {
	Cause string `yaml:"cause"`
	Ends  string `yaml:"ends"` // the word that the run ends with
}

// Healthy says when the load calls the service healthy.
type Healthy struct {
	ErrorRate float64       `yaml:"error_rate"`
	P99       time.Duration `yaml:"p99"`
	For       time.Duration `yaml:"for"`
}

// Goal is a limit on one of the timings of a [Result].
type Goal struct {
	Name       string        `yaml:"name"`
	Limit      time.Duration `yaml:"limit"`
	LessPeople bool          `yaml:"less_people"` // time that people took is subtracted
}

// Incident has the figures of the real outage.
type Incident struct {
	ID                 string        `yaml:"id"`
	Failed             int           `yaml:"failed"` // requests
	InjectionToAlert   time.Duration `yaml:"injection_to_alert"`
	AlertToCause       time.Duration `yaml:"alert_to_cause"`
	WaitingOnPeople    time.Duration `yaml:"waiting_on_people"`
	CauseToRollback    time.Duration `yaml:"cause_to_rollback"`
	AlertToHealthy     time.Duration `yaml:"alert_to_healthy"`
	InjectionToHealthy time.Duration `yaml:"injection_to_healthy"`
}

// Names lists the shipped drills.
func Names() []string {
	files, err := fs.Glob(library, "*.yaml")
	if err != nil { // only a malformed pattern
		return nil
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(file, ".yaml")
	}
	return files
}

// Shipped returns the shipped drill of that name.
func Shipped(name string) (*Scenario, error) {
	text, err := library.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("there is no drill %q; there are: %s", name, strings.Join(Names(), ", "))
	}
	return Parse(name+".yaml", text)
}

// Parse reads a scenario strictly: an unknown key, a missing one or a value out
// of range is an error that names the file.
func Parse(file string, text []byte) (*Scenario, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var s Scenario
	if err := decoder.Decode(&s); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one document", file)
	}
	var problems []error
	must := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf("%s: "+format, append([]any{file}, args...)...))
		}
	}
	must(s.Drill == "v1", "drill: is %q, write v1", s.Drill)
	must(s.Name != "" && s.Name+".yaml" == file, "name: is %q, it must be the file's", s.Name)
	must(s.Runbook != "", "runbook: say which one repairs this")
	must(s.Alert != "", "alert: say which alert is raised")
	must(s.Break.Setting == sandbox.PoolSetting, "break.setting: is %q, the sandbox can break %s", s.Break.Setting, sandbox.PoolSetting)
	must(s.Break.From == sandbox.PoolMax, "break.from: is %d, the sandbox runs with %d", s.Break.From, sandbox.PoolMax)
	must(s.Break.To > 0 && s.Break.To < s.Break.From, "break.to: is %d, it must lie between 0 and %d", s.Break.To, s.Break.From)
	must(s.Break.Decoys >= 3 && s.Break.Decoys <= sandbox.MaxDecoys, "break.decoys: is %d, at least 3 and at most %d", s.Break.Decoys, sandbox.MaxDecoys)
	must(s.Expect.Cause != "" && s.Expect.Ends != "", "expect: say the cause and the word that the run ends with")
	must(s.Healthy.ErrorRate > 0 && s.Healthy.P99 > 0 && s.Healthy.For > 0, "healthy: error_rate, p99 and for are all needed")
	must(s.Baseline > 0 && s.GivesUp > 0 && s.Control > 0, "baseline, gives_up_after and control are all needed")
	must(s.Thinks >= 2*time.Second, "thinks_for: is %s, people need at least 2s", s.Thinks)
	for i, g := range s.Goals {
		_, known := (Seconds{}).named(g.Name)
		must(known && g.Limit > 0, "goals[%d]: %q is no timing, or has no limit", i, g.Name)
	}
	return &s, errors.Join(problems...)
}

func (s *Scenario) health(d time.Duration) practice.Health {
	return practice.Health{ErrorRate: s.Healthy.ErrorRate, P99: s.Healthy.P99, For: d}
}
