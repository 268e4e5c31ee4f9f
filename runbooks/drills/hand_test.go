package drills

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"gopkg.in/yaml.v3"
)

// operator repairs the service by hand, with nothing but the configuration
// that firebreak would get. It is no firebreak: it knows the cause beforehand.
type operator struct {
	api      serviceSection
	scratch  string                                   // for the clone
	then     []func(*operator, context.Context) error // once the setting is back
	approved chan string
	work     sync.WaitGroup
	failed   error
}

type serviceSection struct {
	Settings struct {
		Repo, Path string
	}
	Workload struct {
		Pidfiles []string
	}
	Metrics struct {
		Targets []string
	}
	Backlog struct {
		Shed []string
	}
}

func newOperator(config []byte, scratch string) (*operator, error) {
	var file struct{ Services map[string]serviceSection }
	if err := yaml.Unmarshal(config, &file); err != nil {
		return nil, err
	}
	return &operator{
		api: file.Services["api"], scratch: scratch, approved: make(chan string, 1),
		then: []func(*operator, context.Context) error{(*operator).shed, (*operator).restart},
	}, nil
}

func (o *operator) Start(context.Context, string, Alert) (string, error) { return "by-hand", nil }

func (o *operator) Watch(ctx context.Context, _ string) (<-chan Moment, error) {
	out := make(chan Moment)
	o.work.Go(func() {
		defer close(out)
		out <- Moment{Kind: MomentCause, At: time.Now(), Cause: "app_pool_too_small"}
		out <- Moment{Kind: MomentAsked, At: time.Now(), Question: "q", Digest: "d"}
		select {
		case question := <-o.approved:
			out <- Moment{Kind: MomentAnswered, At: time.Now(), Question: question}
		case <-ctx.Done():
			return
		}
		word := "succeeded"
		if o.failed = o.repair(ctx); o.failed != nil {
			word = "failed_dirty"
		}
		out <- Moment{Kind: MomentEnded, At: time.Now(), Word: word}
	})
	return out, nil
}

func (o *operator) Approve(_ context.Context, _, question, _ string) error {
	o.approved <- question
	return nil
}

func (o *operator) Close() error {
	o.work.Wait()
	return o.failed
}

// repair is the runbook: the setting back, the backlog away, fresh processes.
func (o *operator) repair(ctx context.Context) error {
	clone := filepath.Join(o.scratch, "clone")
	steps := []struct {
		dir  string
		args []string
	}{
		{o.scratch, []string{"git", "clone", "-q", o.api.Settings.Repo, clone}},
		{clone, []string{"sed", "-i", "s/max: 20 /max: 50 /", o.api.Settings.Path}},
		{clone, []string{"git", "-c", "user.name=hand", "-c", "user.email=hand@example.com", "commit", "-qam", "Back to 50"}},
		{clone, []string{"git", "push", "-q", "origin", "HEAD"}},
	}
	for _, s := range steps {
		cmd := exec.CommandContext(ctx, s.args[0], s.args[1:]...)
		cmd.Dir = s.dir
		if said, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(s.args, " "), err, said)
		}
	}
	for _, step := range o.then {
		if err := step(o, ctx); err != nil {
			return err
		}
	}
	return nil
}

// shed has every replica cancel what waits, and refuse what comes for 3 s.
func (o *operator) shed(context.Context) error {
	for _, url := range o.api.Backlog.Shed {
		resp, err := http.Post(url, "application/json", strings.NewReader(`{"for": "3s"}`))
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("shed %s: %s", url, resp.Status)
		}
	}
	return nil
}

func (o *operator) restart(ctx context.Context) error {
	files, err := filepath.Glob(o.api.Workload.Pidfiles[0])
	if err != nil || len(files) == 0 {
		return errors.Join(err, fmt.Errorf("no replica at %s", o.api.Workload.Pidfiles))
	}
	for _, file := range files {
		before, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(before)))
		if err != nil {
			return err
		}
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			return err
		}
		port, err := os.ReadFile(strings.TrimSuffix(file, ".pid") + ".port")
		if err != nil {
			return err
		}
		for !renewed(file, before, strings.TrimSpace(string(port))) {
			if ctx.Err() != nil {
				return fmt.Errorf("%s does not come back", file)
			}
			<-time.After(10 * time.Millisecond) // another process's doing: it has to be polled
		}
	}
	return nil
}

func renewed(file string, before []byte, port string) bool {
	now, err := os.ReadFile(file)
	if err != nil || string(now) == string(before) {
		return false
	}
	resp, err := http.Get("http://127.0.0.1:" + port + "/ready")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
