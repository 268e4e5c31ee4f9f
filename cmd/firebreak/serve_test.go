package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const serveConfig = `
sources:
  am: {kind: alertmanager, secrets: [{secret: "file:$WORK/token"}]}
people: {ann: {os_user: $ME}}
roles: {sre: {people: [ann]}}
tools:
  exec:
    commands:
      note: {argv: [/bin/sh, -c, 'echo "$1" >>$WORK/notes', note]}
`

// serveBook waits until it is resolved, or cancelled.
const serveBook = `firebreak: v1
name: rest
title: Wait for the end of it
owner: sre
inputs:
  service: {type: string, required: true}
triggers:
  - alert: alert.labels.alertname == "Full"
    inputs:
      service: ${{ alert.labels.service }}
    cooldown: 1h
steps:
  - id: rest
    wait: 1h
  - notify: sre
    text: ${{ inputs.service }}
`

// daemonCase is a folder in which firebreak serves.
type daemonCase struct {
	t    *testing.T
	dir  string
	addr atomic.Value // string
}

func newDaemonCase(t *testing.T) *daemonCase {
	t.Helper()
	d := &daemonCase{t: t, dir: t.TempDir()}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"WORK": d.dir, "ME": me.Username}
	for name, text := range map[string]string{
		"firebreak.yaml": serveConfig, "token": "s3cret\n", "runbooks/rest.yaml": serveBook,
	} {
		file := filepath.Join(d.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := fill(filepath.Join(d.dir, "firebreak.yaml"), func(name string) string { return values[name] }); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *daemonCase) command(env string, args ...string) *exec.Cmd {
	d.t.Helper()
	path, err := exec.LookPath("firebreak")
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command(path, append(args, "--json")...)
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(), "FIREBREAK_STATE="+filepath.Join(d.dir, "state.db"), "HOME="+d.dir, env)
	return cmd
}

var servingLine = regexp.MustCompile(`"address":"(http://[^"]+)"`)

// serve starts firebreak serve and waits until it listens.
func (d *daemonCase) serve(env string) *process {
	d.t.Helper()
	p, err := startProcess(d.command(env, "serve", "--listen", "127.0.0.1:0"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(p.end)
	match, err := p.await(d.t.Context(), servingLine)
	if err != nil {
		d.t.Fatal(err)
	}
	d.addr.Store(match[1])
	return p
}

// post sends a body and returns the status; 0 when there is no answer.
func (d *daemonCase) post(body string) int {
	addr, _ := d.addr.Load().(string)
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, addr+"/v1/alerts/am", strings.NewReader(body))
	if err != nil {
		return 0
	}
	r.Header.Set("Authorization", "Bearer s3cret")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, w.Body)
	_ = w.Body.Close()
	return w.StatusCode
}

func delivery(status, name, service, fingerprint string) string {
	return fmt.Sprintf(`{"version":"4","alerts":[{"status":%q,"labels":{"alertname":%q,"service":%q},"startsAt":"2026-11-22T12:00:00Z","fingerprint":%q}]}`,
		status, name, service, fingerprint)
}

// lines runs a verb and returns its lines of JSON.
func (d *daemonCase) lines(args ...string) []map[string]any {
	d.t.Helper()
	cmd := d.command("A=", args...)
	var fault bytes.Buffer
	cmd.Stderr = &fault
	out, err := cmd.Output()
	if err != nil {
		d.t.Fatalf("%v: %v\n%s%s", args, err, out, fault.String())
	}
	var all []map[string]any
	for line := range strings.Lines(string(out)) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			d.t.Fatalf("%s: %v", line, err)
		}
		all = append(all, v)
	}
	return all
}

func (d *daemonCase) alerts() []map[string]any { return d.lines("alerts", "list", "--limit", "0") }
func (d *daemonCase) runs() []map[string]any   { return d.lines("runs", "list", "--limit", "0") }

// TestServeKilled kills the daemon just before and just after the run of an
// alert is durable, which nothing has noted then. The next one begins it, or
// finds it: one run, also when the alert comes again.
func TestServeKilled(t *testing.T) {
	for _, when := range []string{"before:1", "after:1"} {
		t.Run(when, func(t *testing.T) {
			d := newDaemonCase(t)
			p := d.serve(crashEnv + "=" + when)
			d.post(delivery("firing", "Full", "api", "f1")) // it may die before it has answered: it was stored all the same
			if code, err := p.wait(t.Context()); err != nil || code != -1 {
				t.Fatalf("it was not killed: %d, %v\n%s", code, err, p.said())
			}
			p = d.serve("A=")
			match, err := p.await(t.Context(), regexp.MustCompile(`"outcome":"started","run":"([^"]+)"`))
			if err != nil {
				t.Fatal(err)
			}
			if code := d.post(delivery("firing", "Full", "api", "f1")); code != http.StatusAccepted {
				t.Errorf("answered with %d", code)
			}
			runs := d.runs()
			if len(runs) != 1 || runs[0]["id"] != match[1] {
				t.Errorf("the alert began %s, and the runs are %v", match[1], runs)
			}
		})
	}
}

// The long form of TestServeBurst is part of `make torture`.
var (
	burstAlerts = flag.Int64("burst.alerts", 1000, "how many alerts TestServeBurst sends, each twice")
	burstKills  = flag.Int64("burst.kills", 1, "how often TestServeBurst kills the daemon")
)

// TestServeBurst sends 1,000 alerts, each twice as a pair of Alertmanagers
// does, of 10 causes, and kills the daemon with SIGKILL in the middle. Senders
// send again what was not acknowledged. None is lost, and there is one run for
// each cause.
func TestServeBurst(t *testing.T) {
	const causes, senders = 10, 8
	alerts := int(*burstAlerts)
	d := newDaemonCase(t)
	p := d.serve("A=")
	var acknowledged atomic.Int64
	part := 2 * *burstAlerts / (*burstKills + 1) // of what is sent, between two kills
	kill := make(chan struct{}, *burstKills+1)
	var sent sync.WaitGroup
	for s := range senders {
		sent.Go(func() {
			for i := s; i < 2*alerts; i += senders {
				n := i % alerts
				body := delivery("firing", "Full", fmt.Sprintf("s%d", n%causes), fmt.Sprintf("f%d", n))
				for d.post(body) != http.StatusAccepted {
					select {
					case <-t.Context().Done():
						return
					case <-time.After(20 * time.Millisecond): // as a sender waits before it tries again
					}
				}
				if acknowledged.Add(1)%part == 0 {
					kill <- struct{}{}
				}
			}
		})
	}
	for range *burstKills {
		<-kill
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if _, err := p.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		p = d.serve("A=")
	}
	sent.Wait()
	eventually(t, func() error {
		decided := 0
		for _, a := range d.alerts() {
			if a["outcome"] == "started" || a["outcome"] == "joined" {
				decided++
			}
		}
		if decided != alerts {
			return fmt.Errorf("%d alerts have a run, not %d", decided, alerts)
		}
		return nil
	})
	if all := d.alerts(); len(all) != alerts {
		t.Errorf("%d alerts are stored, not %d", len(all), alerts)
	}
	if runs := d.runs(); len(runs) != causes {
		t.Errorf("there are %d runs, not %d", len(runs), causes)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, err := p.wait(t.Context()); err != nil || code != 0 {
		t.Errorf("SIGTERM ends it with %d, %v\n%s", code, err, p.said())
	}
	nothingLeft(t)
}

// TestServeSlowClients has 100 senders who never finish what they send, and
// eight who follow a run and never read: an alert is taken all the same, and
// begins its run.
func TestServeSlowClients(t *testing.T) {
	d := newDaemonCase(t)
	made := d.lines("tokens", "create", "--machine", "slow", "--may", "read")
	token, _ := made[0]["token"].(string)
	p := d.serve("A=")
	began := regexp.MustCompile(`"outcome":"started","run":"([^"]+)"`)
	begin := func(service string) string {
		t.Helper()
		if code := d.post(delivery("firing", "Full", service, service)); code != http.StatusAccepted {
			t.Fatalf("answered with %d", code)
		}
		match, err := p.await(t.Context(), began)
		if err != nil {
			t.Fatal(err)
		}
		return match[1]
	}
	run := begin("first")
	addr, _ := d.addr.Load().(string)
	hang := func(head string) {
		t.Helper()
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(addr, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, head); err != nil {
			t.Fatal(err)
		}
	}
	for range 50 {
		hang("POST /v1/alerts/am HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nContent-Length: 1000\r\n\r\n{")
		hang("POST /v1/alerts/am HTTP/1.1\r\nHost: x\r\nX-Long: ")
	}
	for range 8 {
		hang("GET /v1/runs/" + run + "/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer " + token + "\r\n\r\n")
	}
	second := begin("second")
	if runs := d.runs(); len(runs) != 2 || second == run {
		t.Errorf("the runs are %v", runs)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, err := p.wait(t.Context()); err != nil || code != 0 {
		t.Errorf("SIGTERM ends it with %d, %v\n%s", code, err, p.said())
	}
}

// TestServeResolved goes through the life of an alert whose run has changed
// nothing when it is resolved, over a restart.
func TestServeResolved(t *testing.T) {
	d := newDaemonCase(t)
	p := d.serve("A=")
	began := map[string]string{} // services by their runs
	for _, service := range []string{"api", "db"} {
		if code := d.post(delivery("firing", "Full", service, service)); code != http.StatusAccepted {
			t.Fatalf("answered with %d", code)
		}
		match, err := p.await(t.Context(), regexp.MustCompile(`"outcome":"started","run":"([^"]+)"`))
		if err != nil {
			t.Fatal(err)
		}
		began[match[1]] = service
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, err := p.wait(t.Context()); err != nil || code != 0 {
		t.Fatalf("SIGTERM ends it with %d, %v\n%s", code, err, p.said())
	}
	d.serve("A=")
	if code := d.post(delivery("resolved", "Full", "api", "api")); code != http.StatusAccepted {
		t.Fatalf("answered with %d", code)
	}
	eventually(t, func() error {
		for _, r := range d.runs() {
			id, _ := r["id"].(string)
			word, _ := r["word"].(string)
			if (word == "refused") != (began[id] == "api") {
				return fmt.Errorf("the run of %s is %q", began[id], word)
			}
		}
		return nil
	})
	if code := d.post(delivery("firing", "None", "api", "n")); code != http.StatusAccepted {
		t.Fatalf("answered with %d", code)
	}
	eventually(t, func() error {
		a := d.alerts()[0]
		if text, _ := a["text"].(string); a["outcome"] != "unmatched" || !strings.Contains(text, `alert.labels.alertname is "None"`) {
			return fmt.Errorf("it is %v", a)
		}
		return nil
	})
}
