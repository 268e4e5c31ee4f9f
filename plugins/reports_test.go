package plugins

import (
	"errors"
	"strings"
	"testing"

	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

func collect(t *testing.T, r *reports) (progress, logs []string) {
	t.Helper()
	err := r.drain(func(e *pb.RunEvent) error {
		if p := e.GetProgress(); p != nil {
			progress = append(progress, p.GetText())
		} else {
			logs = append(logs, e.GetLog().GetText())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return progress, logs
}

func TestReportsKeepOrderAndEnd(t *testing.T) {
	r := newReports()
	r.Progress(1, 2, "a")
	r.Log("info", "b")
	r.close()
	r.Log("info", "too late")
	progress, logs := collect(t, r)
	if strings.Join(progress, ",") != "a" || strings.Join(logs, ",") != "b" {
		t.Errorf("progress %v, logs %v", progress, logs)
	}
}

func TestFullReportsDropOldestProgressFirst(t *testing.T) {
	r := newReports()
	r.Log("info", "first line")
	for range maxReports - 1 {
		r.Progress(0, 0, "old")
	}
	r.Progress(0, 0, "new")
	r.Log("info", "last line")
	r.close()
	progress, logs := collect(t, r)
	if len(progress) != maxReports-2 || progress[len(progress)-1] != "new" {
		t.Errorf("%d progress reports, the last %q", len(progress), progress[len(progress)-1])
	}
	if strings.Join(logs, ",") != "first line,last line" {
		t.Errorf("logs %v", logs)
	}
}

func TestLostLinesAreCounted(t *testing.T) {
	r := newReports()
	for range maxReports + 3 {
		r.Log("info", "x")
	}
	r.close()
	_, logs := collect(t, r)
	if len(logs) != maxReports+1 || !strings.HasPrefix(logs[0], "3 log lines were dropped") {
		t.Errorf("%d lines, the first %q", len(logs), logs[0])
	}
}

func TestHostThatIsGoneEndsReports(t *testing.T) {
	r := newReports()
	r.Log("info", "x")
	gone := errors.New("gone")
	if err := r.drain(func(*pb.RunEvent) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
	for range 2 * maxReports {
		r.Log("info", "nobody reads") // must not grow
	}
	if len(r.queue) > maxReports {
		t.Errorf("%d reports are kept for nobody", len(r.queue))
	}
}

func TestTextIsCutAndValid(t *testing.T) {
	if got := validText("a\xffb"); got != "a\uFFFDb" {
		t.Errorf("got %q", got)
	}
	if got := validText(strings.Repeat("x", 2*maxText)); len(got) != maxText+len("…") {
		t.Errorf("%d bytes", len(got))
	}
}
