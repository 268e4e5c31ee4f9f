package accuracy

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	calm      = 8 * time.Second // of the past, before the fault
	showsIn   = 12 * time.Second
	lookEvery = 200 * time.Millisecond
)

var (
	rounds    = flag.Int("accuracy.n", 0, "fresh seeds for each fault; 0: nothing is measured")
	firstSeed = flag.Uint64("accuracy.seed", 0, "the first seed; 0: by the clock")
	only      = flag.String("accuracy.only", "", "only faults whose name contains this")
	keepIn    = flag.String("accuracy.keep", "", "folder for the snapshots")
	keptIn    = flag.String("accuracy.from", "", "folder of snapshots that were kept: judge those, and break nothing")
)

// TestAccuracy measures. It fails where something cannot be run, not where a
// diagnosis is wrong: that is in its report.
func TestAccuracy(t *testing.T) {
	if *keptIn != "" {
		all, err := kept(*keptIn)
		if err != nil {
			t.Fatal(err)
		}
		report(t.Output(), all)
		return
	}
	runtime.LockOSThread() // the servers die with the thread that started them
	seed := *firstSeed
	if seed == 0 {
		seed = rand.Uint64N(1 << 40)
	}
	var all []result
	for i := range *rounds {
		for _, f := range faults {
			if !strings.Contains(f.name, *only) {
				continue
			}
			s := seed + uint64(i)
			r, err := trial(f, s)
			if err != nil {
				t.Logf("%-32s seed %d: not measured: %v", f.name, s, err)
				continue
			}
			r.print(t.Output())
			if err := r.keep(*keepIn); err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
			all = append(all, r.others()...)
		}
	}
	if *rounds > 0 {
		report(t.Output(), all)
	}
}

// result is one trial: what was read a quarter of the timeout after it showed,
// and after a whole one.
type result struct {
	fault       fault
	seed        uint64
	early, late capability.DiagnoseInput
	took        []time.Duration
	calm        []capability.DiagnoseInput // more looks at one that is well
}

// others are the further looks at one that is well, each as good as a trial of
// a false alarm; they are of the same service, and so not of its size.
func (r result) others() (all []result) {
	for _, in := range r.calm {
		all = append(all, result{fault: r.fault, seed: r.seed, early: in, late: in})
	}
	return all
}

// calmLooks is how many those are, a second apart.
const calmLooks = 8

// trial builds a rig, breaks it, and looks twice.
func trial(f fault, seed uint64) (result, error) {
	res := result{fault: f, seed: seed}
	r, err := build(f, rand.New(rand.NewPCG(seed, uint64(len(f.name)))))
	if err != nil {
		return res, fmt.Errorf("build: %w", err)
	}
	defer r.stop()
	pause(calm)
	if err := f.breaks(r); err != nil {
		return res, fmt.Errorf("break: %w", err)
	}
	broken := time.Now()
	shown := false
	for time.Since(broken) < showsIn && !shown {
		pause(lookEvery)
		in, _ := r.look()
		shown = in.Pool != nil && (in.Pool.Onset != nil || in.Pool.Now.ErrorRate != nil && *in.Pool.Now.ErrorRate > 0.05)
		if f.cause == capability.UnknownCause && time.Since(broken) > 4*time.Second {
			break
		}
	}
	if !shown && f.cause != capability.UnknownCause {
		return res, errNoOnset
	}
	pause(acquireTimeout / 4)
	var took time.Duration
	res.early, took = r.look()
	res.took = append(res.took, took)
	pause(acquireTimeout)
	res.late, took = r.look()
	res.took = append(res.took, took)
	for f.cause == capability.UnknownCause && len(res.calm) < calmLooks {
		pause(time.Second)
		in, _ := r.look()
		res.calm = append(res.calm, in)
	}
	return res, nil
}

// keep writes the snapshots into a folder.
func (r result) keep(dir string) error {
	if dir == "" {
		return nil
	}
	for when, in := range map[string]capability.DiagnoseInput{"early": r.early, "late": r.late} {
		folder := filepath.Join(dir, fmt.Sprintf("%s-%d-%s", strings.ReplaceAll(r.fault.name, " ", "_"), r.seed%100000, when))
		raw, err := json.MarshalIndent(in, "", "  ")
		if err != nil {
			return err
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, "snapshot.json"), append(raw, '\n'), 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, "cause"), []byte(strings.TrimSpace(string(r.fault.cause+" "+r.fault.second))+"\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// kept reads the trials of a folder.
func kept(dir string) ([]result, error) {
	early, err := filepath.Glob(filepath.Join(dir, "*-early", "snapshot.json"))
	if err != nil {
		return nil, err
	}
	var all []result
	for _, file := range early {
		folder := filepath.Dir(file)
		cause, err := os.ReadFile(filepath.Join(folder, "cause"))
		if err != nil {
			return nil, err
		}
		first, second, _ := strings.Cut(strings.TrimSpace(string(cause)), " ")
		r := result{fault: fault{name: filepath.Base(folder), cause: capability.Cause(first), second: capability.Cause(second)}}
		for file, into := range map[string]*capability.DiagnoseInput{
			file: &r.early, filepath.Join(strings.TrimSuffix(folder, "-early")+"-late", "snapshot.json"): &r.late,
		} {
			raw, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			if err := json.Unmarshal(raw, into); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
		all = append(all, r)
	}
	return all, nil
}

// pause lets time pass: what is measured here happens in real seconds.
func pause(d time.Duration) { <-time.After(d) }
