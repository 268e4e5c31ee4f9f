package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
	"github.com/firebreak-ops/firebreak/server/paging/pagingtest"
)

const pagesBooks = `
paging:
  routing_key: {secret: "file:$WORK/key"}
  url: %s/v2/enqueue
services:
  api: {environment: test, owner: sre}
----
firebreak: v1
name: stuck
title: A change that nobody can ask about
owner: authors
service: ${{ inputs.service }}
inputs:
  service: {type: service, required: true}
triggers:
  - alert: alert.labels.alertname == "Stuck"
    inputs:
      service: ${{ alert.labels.service }}
steps:
  - id: stuck
    uses: exec.run
    resource: notes
    with: {command: note, args: ["${{ inputs.service }}"]}
    approve: {of: [{role: sre, for: 1h}]}
    undo: {none: a line more does no harm}
    verify: {none: nothing tells, owner: sre, last_day: "2999-12-31"}
`

// pagesCase is a daemon that pages a stand-in for PagerDuty.
type pagesCase struct {
	*daemonCase

	events *pagingtest.Events
}

func newPagesCase(t *testing.T) *pagesCase {
	t.Helper()
	d := &pagesCase{newDaemonCase(t), pagingtest.New()}
	srv := httptest.NewServer(d.events)
	t.Cleanup(srv.Close)
	config, book, _ := strings.Cut(pagesBooks, "----\n")
	d.add("firebreak.yaml", strings.ReplaceAll(fmt.Sprintf(config, srv.URL), "$WORK", d.dir))
	d.add("key", "0123456789abcdef0123456789abcdef\n")
	d.add("runbooks/stuck.yaml", book)
	return d
}

// add adds text to a file.
func (d *pagesCase) add(name, text string) {
	d.t.Helper()
	f, err := os.OpenFile(filepath.Join(d.dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		d.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		d.t.Fatal(err)
	}
}

// next waits for the next event.
func (d *pagesCase) next() pagingtest.Event {
	d.t.Helper()
	select {
	case e := <-d.events.Told():
		return e
	case <-time.After(patience):
		d.t.Fatalf("nothing is sent; pages: %v", d.lines("pages", "list"))
		return pagingtest.Event{}
	}
}

// paged waits for the next event, which is a trigger whose summary holds a
// text, and returns its dedup key.
func (d *pagesCase) paged(text string) string {
	d.t.Helper()
	e := d.next()
	if e.Action != "trigger" || !strings.Contains(e.Payload.Summary, text) {
		d.t.Fatalf("sent: %+v %+v; not about %q", e, e.Payload, text)
	}
	return e.DedupKey
}

// over waits for the next event, which takes a page back.
func (d *pagesCase) over(key string) {
	d.t.Helper()
	if e := d.next(); e.Action != "resolve" || e.DedupKey != key {
		d.t.Fatalf("sent: %+v; not that %s is over", e, key)
	}
}

// alert sends an alert that began at a minute of the hour.
func (d *pagesCase) alert(status, name, service string, minute int) {
	d.t.Helper()
	body := strings.Replace(delivery(status, name, service, name+service), "12:00", fmt.Sprintf("12:%02d", minute), 1)
	if code := d.post(body); code != http.StatusAccepted {
		d.t.Fatalf("answered with %d", code)
	}
}

var startedLine = regexp.MustCompile(`"outcome":"started","run":"([^"]+)"`)

// TestServePages goes through what wakes people: a doubt, a dirty end, a halt
// that an alert meets and an alert that no run can begin for. Each is taken
// back when it is over. The daemon is killed before the first could be sent.
func TestServePages(t *testing.T) {
	d := newPagesCase(t)
	p := d.serve(crashEnv + "=intended:stuck")
	d.alert("firing", "Stuck", "api", 0)
	match, err := p.await(t.Context(), startedLine)
	if err != nil {
		t.Fatal(err)
	}
	run := match[1]
	eventually(t, func() error { return d.command("A=", "approve", run).Run() })
	if code, err := p.wait(t.Context()); err != nil || code != -1 {
		t.Fatalf("it was not killed: %d, %v\n%s", code, err, p.said())
	}

	d.events.Fail(http.StatusInternalServerError, http.StatusTooManyRequests)
	p = d.serve("A=")
	eventually(t, func() error {
		if _, tried := d.events.Taken(); tried == 0 {
			return fmt.Errorf("nothing was sent")
		}
		return nil
	})
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	p = d.serve("A=")
	doubt := d.paged("in doubt")
	if pages := d.lines("pages", "list"); len(pages) != 1 || pages[0]["run"] != run || pages[0]["role"] != "sre" {
		t.Errorf("listed: %v", pages)
	}
	d.lines("resolve", run, "stuck", "unknown")
	dirty := ""
	for range 2 { // in any order
		if e := d.next(); e.Action == "trigger" && strings.Contains(e.Payload.Summary, "failed_dirty") {
			dirty = e.DedupKey
		} else if e.Action != "resolve" || e.DedupKey != doubt {
			t.Fatalf("sent: %+v", e)
		}
	}
	d.lines("hold", "api", "--lift")
	d.over(dirty)

	d.lines("halt", "nobody knows why")
	d.alert("firing", "Stuck", "api", 1)
	halted := d.paged("waits for the halt")
	if pages := d.lines("pages", "list"); pages[0]["role"] != "sre" {
		t.Errorf("listed: %v", pages)
	}
	d.lines("halt", "--lift")
	d.over(halted)

	d.alert("firing", "Stuck", "nowhere", 2)
	failed := d.paged("no run began for the alert Stuck")
	d.alert("resolved", "Stuck", "nowhere", 2)
	d.over(failed)

	if open := d.events.Open(); len(open) > 0 {
		t.Errorf("open are %v", open)
	}
	eventually(t, func() error { // what was sent is noted after that
		for _, page := range d.lines("pages", "list") {
			if page["state"] != pageClosed {
				return fmt.Errorf("listed: %v", page)
			}
		}
		return nil
	})
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, err := p.wait(t.Context()); err != nil || code != 0 {
		t.Errorf("SIGTERM ends it with %d, %v\n%s", code, err, p.said())
	}
	nothingLeft(t)
}

// TestServeSilence holds that somebody is woken when a source falls silent, as
// one does whose watchdog comes no more, and told when it is back.
func TestServeSilence(t *testing.T) {
	d := newPagesCase(t)
	file := filepath.Join(d.dir, "firebreak.yaml")
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(src), "{kind: alertmanager,", "{kind: alertmanager, silence: 1s,", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	d.serve("A=")
	silent := d.paged("nothing has come from the source am for 1s")
	d.alert("firing", "Watchdog", "none", 0)
	d.over(silent)
}

// TestPagesTest wakes somebody and takes it back, and says why it cannot.
func TestPagesTest(t *testing.T) {
	d := newPagesCase(t)
	if out, err := d.command("A=", "pages", "test").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d.over(d.paged("a test of firebreak"))
	d.events.Fail(http.StatusBadRequest)
	out, err := d.command("A=", "pages", "test").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "400 Bad Request") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestPagesUnasked wakes whoever is asked when Slack has thrown the app out,
// and takes it back when somebody has answered on the terminal.
func TestPagesUnasked(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{Live: true, NoLimits: true})
	s.Uninstall()
	d := newPagesCase(t)
	d.add("bot", slacktest.BotToken)
	d.add("app", slacktest.AppToken)
	d.add("firebreak.yaml", strings.NewReplacer("$WORK", d.dir, "$SLACK", s.APIURL()).Replace(`
chat:
  slack:
    bot_token: {secret: "file:$WORK/bot"}
    app_token: {secret: "file:$WORK/app"}
    channel: C0INCIDENTS
    api_url: "$SLACK"
`))
	p := d.serve("A=")
	if code := d.post(delivery("firing", "Stuck", "api", "f1")); code != http.StatusAccepted {
		t.Fatalf("answered with %d", code)
	}
	key := d.paged("asks sre, who cannot be reached in Slack: account_inactive")
	run := d.lines("runs", "list")[0]["id"].(string)
	d.lines("deny", run, "--reason", "a test")
	d.over(key)
	sigterm(t, p)
}
