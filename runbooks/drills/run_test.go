package drills

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"
)

// long makes the control run as long as the scenario says, instead of 15 s.
const long = "FIREBREAK_LONG_DRILLS"

func TestAHandMadeRepairHeals(t *testing.T) {
	var o *operator
	result, err := Run(t.Context(), Options{
		Scenario: shipped(t), Seed: 2, Command: command(t), Dir: folder(t),
		Open: func(_ context.Context, config []byte) (_ Command, err error) {
			o, err = newOperator(config, t.TempDir())
			return o, err
		},
		Say: func(line string) { t.Log(line) },
	})
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", line)
	if !result.Passed {
		t.Error("the repair did not heal the service")
	}
	if people := *result.Seconds.WaitingOnPeople; people < 2 || people > 4 {
		t.Errorf("people took %v s", people)
	}
	if result.Requests.Total < 1000 {
		t.Errorf("only %d requests counted", result.Requests.Total)
	}
}

func TestWithoutFirebreakItStaysBroken(t *testing.T) {
	length := 15 * time.Second
	if os.Getenv(long) != "" {
		length = 0 // the scenario's
	}
	result, err := Control(t.Context(), Options{
		Scenario: shipped(t), Seed: 1, Command: command(t), Dir: folder(t), Say: func(line string) { t.Log(line) },
	}, length)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", result)
	if !result.Passed || result.P99 < 3 {
		t.Errorf("it did not stay broken: %+v", result)
	}
}

func TestAnInterruptedDrillSaysSoAndLeavesNothing(t *testing.T) {
	dir := folder(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Control(ctx, Options{
		Scenario: shipped(t), Seed: 1, Command: command(t), Dir: dir,
		Say: func(string) { time.AfterFunc(time.Second, cancel) },
	}, time.Minute)
	if err == nil {
		t.Fatal("an interrupted drill came to an end")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// BenchmarkRecovery is how long the service takes to be well again, and how
// many requests fail meanwhile, once the setting is put back: with the replicas
// restarted, which cancels what waits at each of them, or not, and with the
// backlog shed before that, after it, or not at all. Each takes about a minute;
// -benchtime 5x takes five seeds.
func BenchmarkRecovery(b *testing.B) {
	type step = func(*operator, context.Context) error
	shed, restart := (*operator).shed, (*operator).restart
	for name, then := range map[string][]step{
		"kept": {}, "shed": {shed}, "restart": {restart}, "restart, then shed": {restart, shed}, "shed, then restart": {shed, restart},
	} {
		b.Run(name, func(b *testing.B) {
			var seconds, failed float64
			for i := range b.N {
				result, err := Run(b.Context(), Options{
					Scenario: shipped(b), Seed: uint64(i + 1), Command: command(b), Dir: folder(b),
					Open: func(_ context.Context, config []byte) (Command, error) {
						o, err := newOperator(config, b.TempDir())
						if o != nil {
							o.then = then
						}
						return o, err
					},
					Say: func(string) {},
				})
				if err != nil {
					b.Fatal(err)
				}
				if result.Seconds.AlertToHealthy == nil {
					b.Fatal("it was not well again in the time of the drill")
				}
				seconds += *result.Seconds.AlertToHealthy - *result.Seconds.WaitingOnPeople
				failed += float64(result.Requests.FailedAfterRollback)
			}
			b.ReportMetric(seconds/float64(b.N), "s-to-healthy/op")
			b.ReportMetric(failed/float64(b.N), "failed-after/op")
		})
	}
}
