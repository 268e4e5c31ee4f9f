package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/client"
)

// The long forms of TestStorm are `make crash` and, for a time, `make torture`.
var (
	stormTime  = flag.Duration("storm.time", 0, "how long TestStorm goes on killing; 0: as often as -storm.kills says")
	stormKills = flag.Int("storm.kills", 12, "how often TestStorm kills the owner")
	stormSeed  = flag.Uint64("storm.seed", 1, "what TestStorm takes its times from")
)

// stormServices each have a repository and locks of their own, so that as
// many runs go on at once.
var stormServices = []string{"a", "b", "c", "d"}

// storm is a state whose owners are killed one after the other, while each
// drives a run of every service.
type storm struct {
	t      *testing.T
	dir    string
	random *rand.Rand

	last     map[string][]string // every record at the last kill, by run
	inFlight []flight
	kills    int

	mu      sync.Mutex
	size    int
	started []string                  // runs whose start was acknowledged
	seen    map[string]map[int]string // records that somebody was shown
	doubts  map[string]bool           // questions about a doubt
}

// flight is a change that was begun and not ended when the owner was killed.
type flight struct {
	run, path string
	attempt   int
	undo      bool
	after     int // how many records the run had
}

// TestStorm kills the owner with SIGKILL at random times, also while it takes
// over from the one before, while it drives several runs at once with real
// plugins. Nothing that was recorded, acknowledged or shown is lost; no change
// is made twice; what was in flight is in doubt until a probe or a person has
// resolved it; and every doubt that no probe resolves is asked about.
func TestStorm(t *testing.T) {
	s := newStorm(t)
	t.Logf("-storm.seed %d -storm.kills %d", *stormSeed, *stormKills)
	began := time.Now()
	most := 2 * time.Second                                                                                           // that an owner lives
	for s.kills < *stormKills || time.Since(began) < *stormTime || len(s.inFlight) == 0 && s.kills < 10**stormKills { // one must meet a change in flight
		after := 50*time.Millisecond + time.Duration(s.random.Int64N(int64(most)))
		killed, answered := s.life(after, false)
		if killed {
			s.kills++
		}
		if !answered && after > most/2 {
			most += most / 2 // the machine is slow: so are owners
		}
		s.compare()
		if t.Failed() {
			return
		}
	}
	for range 10 { // the runs that are left
		if len(s.open()) == 0 {
			break
		}
		s.life(patience, true)
	}
	s.compare()
	s.check()
	nothingLeft(t)
}

func newStorm(t *testing.T) *storm {
	t.Helper()
	s := &storm{
		t: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(*stormSeed, 0)), size: 100,
		last: map[string][]string{}, seen: map[string]map[int]string{}, doubts: map[string]bool{},
	}
	if err := os.CopyFS(s.dir, os.DirFS(filepath.Join("testdata", "storm"))); err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"WORK": s.dir, "ME": me.Username}
	if err := fill(filepath.Join(s.dir, "firebreak.yaml"), func(name string) string { return values[name] }); err != nil {
		t.Fatal(err)
	}
	for _, svc := range stormServices {
		if err := settingsRepo(filepath.Join(s.dir, svc), []string{"20\n    idle: 5"}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *storm) state() string { return filepath.Join(s.dir, "state.db") }

// life is that of one owner, and reports whether it ended by being killed, and
// whether it had come to answer. drain: it begins no runs of its own.
func (s *storm) life(after time.Duration, drain bool) (killed, answered bool) {
	path, err := exec.LookPath("firebreak")
	if err != nil {
		s.t.Fatal(err)
	}
	args := []string{"resume", "--json"}
	if !drain {
		in := s.inputs(stormServices[s.random.IntN(len(stormServices))])
		args = []string{"run", "load", "--json", "--input", "service=" + in.service, "--input", in.sizeFlag(), "--input", in.wantFlag()}
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "FIREBREAK_STATE="+s.state(), "HOME="+s.dir, "FIREBREAK_RUNBOOKS="+s.dir)
	p, err := startProcess(cmd)
	if err != nil {
		s.t.Fatal(err)
	}
	defer p.end()
	kill := time.AfterFunc(after, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	ctx, cancel := context.WithCancel(s.t.Context())
	var driving sync.WaitGroup
	driving.Go(func() { answered = s.drive(ctx, p, drain) })
	code, err := p.wait(s.t.Context())
	cancel()
	driving.Wait()
	if err != nil {
		s.t.Fatal(err)
	}
	if code == int(exitUsage) || code == int(exitProblems) || code == int(exitState) {
		s.t.Fatalf("%s says:\n%s", p.name, p.said())
	}
	return code == -1, answered
}

// stormInputs are those of one run. Every size is used once.
type stormInputs struct {
	service    string
	size, want int
}

func (in stormInputs) sizeFlag() string { return fmt.Sprint("size=", in.size) }
func (in stormInputs) wantFlag() string { return fmt.Sprint("want=", in.want) }

// inputs are those of the next run; every third run does not cure what it
// should, and is undone.
func (s *storm) inputs(svc string) stormInputs {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size++
	in := stormInputs{service: svc, size: s.size, want: s.size}
	if s.size%3 == 0 {
		in.want = -1
	}
	return in
}

// drive begins runs and answers what they ask until the owner has gone. It
// reports whether that has answered.
func (s *storm) drive(ctx context.Context, p *process, drain bool) bool {
	owner := client.New(server.SocketPath(s.state()))
	defer owner.Close()
	if !answers(ctx, owner, p) {
		return false
	}
	for _, svc := range stormServices {
		s.lift(ctx, owner, svc)
	}
	open, err := owner.Runs(ctx, server.Query{Unsettled: true})
	if err != nil {
		return true // it was killed meanwhile
	}
	busy := map[string]bool{}
	var all sync.WaitGroup
	for _, run := range open {
		busy[run.Service] = true
		all.Go(func() {
			if s.follow(ctx, owner, run.ID) && !drain {
				s.begin(ctx, owner, run.Service)
			}
		})
	}
	for _, svc := range stormServices {
		if !busy[svc] && !drain {
			all.Go(func() { s.begin(ctx, owner, svc) })
		}
	}
	all.Wait()
	return true
}

// answers waits until the owner does.
func answers(ctx context.Context, owner *client.Client, p *process) bool {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		h, err := owner.Health(ctx)
		if err == nil && h.PID == p.cmd.Process.Pid {
			return true
		}
		select {
		case <-look.C:
		case <-p.done:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// begin starts one run of a service after the other.
func (s *storm) begin(ctx context.Context, owner *client.Client, svc string) {
	for {
		in := s.inputs(svc)
		id, err := owner.Start(ctx, server.StartRequest{Runbook: "load", Inputs: map[string]json.RawMessage{
			"service": json.RawMessage(`"` + svc + `"`), "size": json.RawMessage(fmt.Sprint(in.size)), "want": json.RawMessage(fmt.Sprint(in.want)),
		}})
		if err != nil {
			return
		}
		s.mu.Lock()
		s.started = append(s.started, id)
		s.mu.Unlock()
		if !s.follow(ctx, owner, id) {
			return
		}
	}
}

// follow answers what a run asks and reports whether it has ended.
func (s *storm) follow(ctx context.Context, owner *client.Client, run string) bool {
	err := owner.Watch(ctx, run, 1, func(line server.Line) error {
		if line.Seq == 0 {
			return nil
		}
		s.mu.Lock()
		if s.seen[run] == nil {
			s.seen[run] = map[int]string{}
		}
		s.seen[run][line.Seq] = line.Kind
		s.mu.Unlock()
		switch line.Kind {
		case (engine.QuestionOpened{}).Kind():
			s.answer(ctx, owner, run)
		case (engine.RunEnded{}).Kind():
			if view, err := owner.Run(ctx, run); err == nil {
				s.lift(ctx, owner, view.Service)
			}
		}
		return nil
	})
	return err == nil
}

// lift ends the hold that a run leaves which failed, and left something
// changed: here nobody looks after it.
func (s *storm) lift(ctx context.Context, owner *client.Client, svc string) {
	_ = owner.Lift(ctx, server.StopRequest{Kind: engine.StopHold, Service: svc}) // killed meanwhile
}

// answer answers what a run asks, by what is there.
func (s *storm) answer(ctx context.Context, owner *client.Client, run string) {
	view, err := owner.Run(ctx, run)
	if err != nil {
		return
	}
	for _, q := range view.Questions {
		choice := engine.ChoiceApprove
		switch q.Kind {
		case engine.AskVerdict:
			choice = engine.ChoiceUndo
		case engine.AskDoubt:
			s.mu.Lock()
			s.doubts[run+" "+q.ID] = true
			s.mu.Unlock()
			choice = engine.ChoiceNot
			if s.made()[change{run, q.Path, q.Undo}] > 0 {
				choice = engine.ChoiceHappened
			}
		case engine.AskDrift, engine.AskResume:
			choice = engine.ChoiceKeep
		case engine.AskAgain:
			choice = engine.ChoiceAgain
		}
		_ = answer(ctx, owner, run, q, choice, "", "") // killed meanwhile, or answered already
	}
}

// change is what a step, or its undo, does to the world.
type change struct {
	run, path string
	undo      bool
}

// made counts every change that was made: commits, by the call that their
// message names, and lines that the command wrote.
func (s *storm) made() map[change]int {
	made := map[change]int{}
	for _, svc := range stormServices {
		out, err := exec.Command("git", "-C", filepath.Join(s.dir, svc), "log", "--format=%(trailers:key=Firebreak-Call,valueonly)").Output()
		if err != nil {
			s.t.Error(err)
		}
		for call := range strings.FieldsSeq(string(out)) {
			run, rest, _ := strings.Cut(call, "/")
			path, phase, _ := strings.Cut(rest, "#")
			made[change{run, path, strings.Contains(phase, "/undo")}]++
		}
	}
	notes, err := os.ReadFile(filepath.Join(s.dir, "notes"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Error(err)
	}
	for run := range strings.FieldsSeq(string(notes)) {
		made[change{run, "cure/note", false}]++
	}
	return made
}

// journal is every record, to the byte, by run.
func (s *storm) journal() map[string][]string {
	c := &crashCase{t: s.t, dir: s.dir}
	runs := map[string][]string{}
	for _, rec := range c.journal() {
		run, rest, _ := strings.Cut(rec, " ")
		runs[run] = append(runs[run], rest)
	}
	return runs
}

// open are the runs that have not ended.
func (s *storm) open() (open []string) {
	for run, recs := range s.last {
		if !slices.ContainsFunc(recs, func(rec string) bool { return recordOf(rec).kind == engine.RunEnded{}.Kind() }) {
			open = append(open, run)
		}
	}
	return open
}

// fields are those of a record that the checks look at.
type fields struct {
	kind string

	Path    string         `json:"path"`
	Attempt int            `json:"attempt"`
	Undo    any            `json:"undo"` // true, or what an undo would need
	Outcome engine.Outcome `json:"outcome"`
	Word    engine.Word    `json:"word"`

	Question engine.Question `json:"question"`
}

func recordOf(rec string) fields {
	parts := strings.SplitN(rec, " ", 7) // number, date, time, offset, zone, kind, data
	f := fields{kind: parts[5]}
	_ = json.Unmarshal([]byte(parts[6]), &f) // what is of another form has none of them
	return f
}

// compare looks what is there after a kill: all that was before, and all that
// anybody was told.
func (s *storm) compare() {
	now := s.journal()
	for run, before := range s.last {
		if len(now[run]) < len(before) || !slices.Equal(now[run][:len(before)], before) {
			s.t.Errorf("kill %d: the records of run %s are not what they were:\n%s\nnow:\n%s",
				s.kills, run, strings.Join(before, "\n"), strings.Join(now[run], "\n"))
		}
	}
	for _, run := range s.started {
		if len(now[run]) == 0 {
			s.t.Errorf("kill %d: run %s was acknowledged, and is not there", s.kills, run)
		}
	}
	for run, seen := range s.seen {
		for seq, kind := range seen {
			if len(now[run]) < seq || recordOf(now[run][seq-1]).kind != kind {
				s.t.Errorf("kill %d: record %d of run %s was shown as %s, and is not there", s.kills, seq, run, kind)
			}
		}
	}
	for run, recs := range now {
		s.inFlight = append(s.inFlight, flights(run, recs)...)
	}
	s.last = now
}

// flights are the changes of a run that have begun and not ended.
func flights(run string, recs []string) []flight {
	open := map[flight]bool{}
	for _, rec := range recs {
		f := recordOf(rec)
		undo, _ := f.Undo.(bool)
		c := flight{run: run, path: f.Path, attempt: f.Attempt, undo: undo}
		switch f.kind {
		case engine.Intended{}.Kind():
			c.undo = false
			open[c] = true
		case engine.UndoIntended{}.Kind():
			c.undo = true
			open[c] = true
		case engine.Acted{}.Kind(), engine.DoubtResolved{}.Kind():
			delete(open, c)
		case engine.StepUndone{}.Kind(), engine.UndoFailed{}.Kind():
			c.undo = true
			delete(open, c)
		}
	}
	var all []flight
	for c := range open {
		c.after = len(recs)
		all = append(all, c)
	}
	return all
}

// check looks at what came of all runs in the end.
func (s *storm) check() {
	made := s.made()
	records := 0
	for run, recs := range s.last {
		records += len(recs)
		s.checkRun(run, recs, made)
	}
	asked := 0
	for _, c := range s.inFlight {
		later := s.last[c.run][c.after:]
		resolved := slices.IndexFunc(later, func(rec string) bool {
			f := recordOf(rec)
			undo, _ := f.Undo.(bool)
			return f.kind == engine.DoubtResolved{}.Kind() && f.Path == c.path && f.Attempt == c.attempt && undo == c.undo
		})
		if resolved < 0 {
			s.t.Errorf("%s of run %s was in flight at a kill, and never in doubt:\n%s", c.path, c.run, strings.Join(later, "\n"))
			continue
		}
		if c.path != "cure/note" {
			continue // its plugin can tell
		}
		asked++
		if !slices.ContainsFunc(s.last[c.run][:c.after+resolved], func(rec string) bool {
			q := recordOf(rec).Question
			return q.Kind == engine.AskDoubt && q.Path == c.path
		}) {
			s.t.Errorf("%s of run %s was in doubt, and nobody was asked", c.path, c.run)
		}
	}
	r, err := sqlite.Read(s.t.Context(), s.state())
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Close()
	if a, err := r.Verify(s.t.Context(), "", ""); err != nil || len(a.Problems) > 0 || a.Records != records {
		s.t.Errorf("audit: %+v, %v", a, err)
	}
	s.t.Logf("%d kills: %d runs with %d records; %d changes were in flight at a kill, %d of them for a person to tell; %d questions about doubts",
		s.kills, len(s.last), records, len(s.inFlight), asked, len(s.doubts))
	if len(s.inFlight) == 0 {
		s.t.Error("no kill met a change in flight: it is not what this test is for")
	}
}

// checkRun looks whether a run did what it says, once.
func (s *storm) checkRun(run string, recs []string, made map[change]int) {
	says := map[change]int{}
	intents := map[string]int{}
	var word engine.Word
	doubt := ""
	for _, rec := range recs {
		f := recordOf(rec)
		undo, _ := f.Undo.(bool)
		switch f.kind {
		case engine.Intended{}.Kind():
			intents[fmt.Sprint(f.Path, "#", f.Attempt)]++
		case engine.Acted{}.Kind(), engine.DoubtResolved{}.Kind():
			if !undo && f.Outcome.Effect == engine.EffectApplied {
				says[change{run, f.Path, false}]++
			}
			if f.Path == doubt {
				doubt = ""
			}
		case engine.StepUndone{}.Kind():
			says[change{run, f.Path, true}]++
		case engine.InDoubt{}.Kind():
			doubt = f.Path
		case engine.QuestionOpened{}.Kind():
			if f.Question.Kind == engine.AskDoubt && f.Question.Path != doubt {
				s.t.Errorf("run %s asks about %s, which is not in doubt", run, f.Question.Path)
			}
		case engine.RunEnded{}.Kind():
			word = f.Word
		}
	}
	if word == "" || doubt != "" {
		s.t.Errorf("run %s has ended %q, with %q in doubt:\n%s", run, word, doubt, strings.Join(recs, "\n"))
	}
	for attempt, n := range intents {
		if n > 1 {
			s.t.Errorf("run %s began %s %d times", run, attempt, n)
		}
	}
	for _, path := range []string{"cure/size", "cure/note", "cure/idle"} {
		for _, undo := range []bool{false, true} {
			c := change{run, path, undo}
			if made[c] != says[c] || made[c] > 1 {
				s.t.Errorf("%s of run %s (undo %t) was made %d times; its record says %d:\n%s", path, run, undo, made[c], says[c], strings.Join(recs, "\n"))
			}
		}
	}
}
