package slacktest_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
)

// Slack's own SDKs, which nobody here wrote, drive this Slack. They are in
// sdk/ and run where there is a Node; `.ci/setup test` installs them there.

var nodeVersion = regexp.MustCompile(`^v(\d+)\.`)

// node is the command that runs a script of sdk/, for one Slack.
func node(t *testing.T, s *slacktest.Server, script string, env ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node on PATH: Slack's SDKs have not been tried")
	}
	out, err := exec.Command(path, "--version").Output()
	m := nodeVersion.FindSubmatch(out)
	if err != nil || m == nil {
		t.Skipf("node --version says %q (%v): Slack's SDKs have not been tried", out, err)
	}
	if major, _ := strconv.Atoi(string(m[1])); major < 20 {
		t.Skipf("node is %s, and Slack's SDKs need 20: they have not been tried", strings.TrimSpace(string(out)))
	}
	if _, err := os.Stat(filepath.Join("sdk", "node_modules", "@slack", "bolt")); err != nil {
		t.Skip("Slack's SDKs are not installed: `.ci/setup test` installs them; they have not been tried")
	}
	cmd := exec.Command(path, filepath.Join("sdk", script))
	cmd.Env = append(os.Environ(), append(env,
		"SLACK_API="+s.APIURL(), "SLACK_CONTROL="+s.URL()+"/_control/", "SLACK_BOT_TOKEN="+slacktest.BotToken,
		"SLACK_APP_TOKEN="+slacktest.AppToken, "SLACK_SIGNING_SECRET="+slacktest.SigningSecret)...)
	return cmd
}

// process is a script of sdk/ that runs until the test ends.
type process struct {
	t    *testing.T
	mu   sync.Mutex
	said []string
	news chan struct{} // closed and made anew with each line
	over chan struct{} // closed when it says no more
}

func startNode(t *testing.T, s *slacktest.Server, script string, env ...string) *process {
	t.Helper()
	cmd := node(t, s, script, env...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, news: make(chan struct{}), over: make(chan struct{})}
	go func() {
		defer close(p.over)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			p.mu.Lock()
			p.said = append(p.said, lines.Text())
			close(p.news)
			p.news = make(chan struct{})
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		<-p.over
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, stderr.String())
		}
		for _, line := range p.said {
			if strings.HasPrefix(line, "error") {
				t.Errorf("%s: %s\n%s", script, line, stderr.String())
			}
		}
	})
	return p
}

// wait waits until the lines said so far are as cond wants them.
func (p *process) wait(cond func(said []string) bool) []string {
	p.t.Helper()
	for {
		p.mu.Lock()
		said, news := slices.Clone(p.said), p.news
		p.mu.Unlock()
		if cond(said) {
			return said
		}
		select {
		case <-p.t.Context().Done():
			p.t.Fatalf("the script has said only %q", said)
		case <-p.over:
			p.t.Fatalf("the script has ended, and said only %q", said)
		case <-news:
		}
	}
}

// line waits for the first line that begins with prefix, and is the rest.
func (p *process) line(prefix string) string {
	p.t.Helper()
	var rest string
	p.wait(func(said []string) bool {
		i := slices.IndexFunc(said, func(l string) bool { return strings.HasPrefix(l, prefix) })
		if i >= 0 {
			rest = strings.TrimSpace(strings.TrimPrefix(said[i], prefix))
		}
		return i >= 0
	})
	return rest
}

// boltApp is an app in Bolt, which does what bot does.
type boltApp struct{ *process }

func (b boltApp) events(n int) []string {
	var ids []string
	b.wait(func(said []string) bool {
		ids = nil
		for _, line := range said {
			if id, ok := strings.CutPrefix(line, "event "); ok {
				ids = append(ids, id)
			}
		}
		return len(ids) >= n
	})
	return ids
}

func (b boltApp) closed() { b.line("closed") }

func boltSocket(t *testing.T, s *slacktest.Server) app {
	p := startNode(t, s, "app.mjs", "SLACK_TRANSPORT=socket")
	p.line("ready")
	return boltApp{p}
}

func boltHTTP(t *testing.T, s *slacktest.Server) app {
	p := startNode(t, s, "app.mjs", "SLACK_TRANSPORT=http")
	if err := s.UseHTTP(t.Context(), fmt.Sprintf("http://127.0.0.1:%s/slack/events", p.line("ready"))); err != nil {
		t.Fatal(err)
	}
	return boltApp{p}
}

func TestSDKWebAPI(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	if out, err := node(t, s, "web.mjs").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestSDKSeesRedelivery(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	p := startNode(t, s, "socket.mjs", "SLACK_ACK=no")
	p.line("ready")
	_, d, err := s.Say(slacktest.Say{User: slacktest.Alice, Text: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	p.line("events_api " + d.EventID + " 0 -")
	s.AdvanceClock(3 * time.Second)
	p.line("events_api " + d.EventID + " 1 timeout")
	s.AdvanceClock(3*time.Second + time.Minute)
	p.line("events_api " + d.EventID + " 2 timeout")
}

func TestSDKComesBack(t *testing.T) {
	for name, cut := range map[string]func(s *slacktest.Server){
		"told to go": func(s *slacktest.Server) { s.Disconnect("refresh_requested") },
		"dropped":    func(s *slacktest.Server) { s.DropSocket() },
	} {
		t.Run(name, func(t *testing.T) {
			s := slacktest.Start(t, slacktest.Config{})
			p := startNode(t, s, "socket.mjs")
			p.line("ready")
			cut(s)
			p.wait(func(said []string) bool { return len(said) == 2 && said[1] == "ready" })
			d, err := s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents})
			settle(t, d, err)
			p.line("slash_commands /runbook - -")
		})
	}
}
