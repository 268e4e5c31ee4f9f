package accuracy

import (
	"encoding/json"
	"flag"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	calmFor   = 8 * time.Second // of the past, before the fault
	showsIn   = 12 * time.Second
	lookEvery = 200 * time.Millisecond
)

var (
	rounds    = flag.Int("accuracy.n", 0, "fresh seeds for each fault; 0: nothing is measured")
	abreast   = flag.Int("accuracy.abreast", 2, "how many rigs there are at a time: more are quicker, and starve each other")
	firstSeed = flag.Uint64("accuracy.seed", 0, "the first seed; 0: by the clock")
	only      = flag.String("accuracy.only", "", "only faults whose name matches this")
	keepIn    = flag.String("accuracy.keep", "", "folder for the snapshots")
	misses    = flag.Bool("accuracy.misses", false, "list every trial that was missed, with what was ranked first")
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
	seed := *firstSeed
	if seed == 0 {
		seed = rand.Uint64N(1 << 40)
	}
	chosen, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	jobs := make(chan job)
	var mu sync.Mutex
	var all []result
	var workers sync.WaitGroup
	for range *abreast {
		workers.Go(func() {
			runtime.LockOSThread() // the servers die with the thread that started them
			for j := range jobs {
				looks, err := trial(j.fault, j.seed)
				mu.Lock()
				if err != nil {
					t.Logf("not measured: %s, seed %d: %v", j.fault.name, j.seed, err)
				}
				for _, r := range looks {
					r.print(t.Output())
					if err := r.keep(*keepIn); err != nil {
						t.Error(err)
					}
				}
				all = append(all, looks...)
				mu.Unlock()
			}
		})
	}
	for i := range *rounds {
		for _, f := range faults {
			if chosen.MatchString(f.name) {
				jobs <- job{f, seed + uint64(i)}
			}
		}
	}
	close(jobs)
	workers.Wait()
	if *rounds > 0 {
		report(t.Output(), all)
	}
}

type job struct {
	fault fault
	seed  uint64
}

// result is one trial: what was read a quarter of the timeout after it showed,
// and after a whole one. Of a service that is well each look is a result.
type result struct {
	fault       fault
	seed        uint64
	look        int
	early, late reading
	took        []time.Duration
}

// calmLooks is how often one that is well is looked at, a second apart.
const calmLooks = 5

var building sync.Mutex

// trial builds a rig, breaks it, and looks.
func trial(f fault, seed uint64) ([]result, error) {
	building.Lock() // a port that is free is free for one
	r, err := build(f, rand.New(rand.NewPCG(seed, uint64(crc32.ChecksumIEEE([]byte(f.name))))))
	building.Unlock()
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	defer r.stop()
	pause(calmFor)
	if err := f.breaks(r); err != nil {
		return nil, fmt.Errorf("break: %w", err)
	}
	if f.cause == capability.UnknownCause {
		var all []result
		for n := range calmLooks {
			pause(time.Second)
			in, took := r.look()
			all = append(all, result{fault: f, seed: seed, look: n, early: in, late: in, took: []time.Duration{took}})
		}
		return all, nil
	}
	broken := time.Now()
	shown := false
	for time.Since(broken) < showsIn && !shown {
		pause(lookEvery)
		in, _ := r.glance()
		shown = in.Pool != nil && (in.Pool.Onset != nil || in.Pool.Now.ErrorRate != nil && *in.Pool.Now.ErrorRate > 0.05)
	}
	if !shown {
		return nil, errNoOnset
	}
	res := result{fault: f, seed: seed, took: make([]time.Duration, 2)}
	pause(acquireTimeout / 4)
	res.early, res.took[0] = r.look()
	pause(acquireTimeout)
	res.late, res.took[1] = r.look()
	return []result{res}, nil
}

// keep writes the snapshots into a folder.
func (r result) keep(dir string) error {
	if dir == "" {
		return nil
	}
	for when, in := range map[string]reading{"early": r.early, "late": r.late} {
		folder := filepath.Join(dir, fmt.Sprintf("%s-%d.%d-%s", strings.ReplaceAll(r.fault.name, " ", "_"), r.seed, r.look, when))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		for file, v := range map[string]any{"snapshot.json": in.DiagnoseInput, "pools.json": in.pools} {
			raw, err := json.MarshalIndent(v, "", "  ")
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(folder, file), append(raw, '\n'), 0o644); err != nil {
				return err
			}
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
		name := strings.TrimSuffix(filepath.Base(folder), "-early")
		r := result{fault: fault{name: name, cause: capability.Cause(first), second: capability.Cause(second)}}
		for in, into := range map[string]*reading{folder: &r.early, strings.TrimSuffix(folder, "-early") + "-late": &r.late} {
			for file, into := range map[string]any{"snapshot.json": &into.DiagnoseInput, "pools.json": &into.pools} {
				raw, err := os.ReadFile(filepath.Join(in, file))
				if err != nil {
					return nil, err
				}
				if err := json.Unmarshal(raw, into); err != nil {
					return nil, fmt.Errorf("%s: %w", filepath.Join(in, file), err)
				}
			}
		}
		all = append(all, r)
	}
	return all, nil
}

// pause lets time pass: what is measured here happens in real seconds.
func pause(d time.Duration) { <-time.After(d) }
