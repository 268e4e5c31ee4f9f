package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
)

// servedChat is a configuration with people in Slack; the requester of an alert
// is nobody of them.
const servedChat = `
sources:
  am: {kind: alertmanager, secrets: [{secret: "file:$WORK/token"}]}
people:
  ann: {os_user: $ME}
  alice: {slack: U0ALICE}
  bob: {slack: U0BOB}
  carol: {slack: U0CAROL}
roles: {sre: {people: [alice]}, leads: {people: [bob]}}
services:
  api: {environment: prod, owner: platform}
tools:
  exec:
    commands:
      note: {argv: [/bin/sh, -c, 'echo "$1" >>$WORK/notes', note]}
chat:
  slack:
    bot_token: {secret: "file:$WORK/bot"}
    app_token: {secret: "file:$WORK/app"}
    channel: C0INCIDENTS
    groups: {leads: S0LEADS}
    api_url: "$SLACK"
`

const servedBook = `firebreak: v1
name: note
title: Note that it is full
owner: sre
inputs:
  service: {type: service, required: true}
service: ${{ inputs.service }}
triggers:
  - alert: alert.labels.alertname == "Noted"
    inputs:
      service: ${{ alert.labels.service }}
    cooldown: 1h
steps:
  - notify: sre
    text: Looking at ${{ inputs.service }}
  - id: note
    uses: exec.run
    resource: host:notes
    with:
      command: note
      args: [full]
    approve:
      of: [{role: sre, for: 5m}]
    undo: {none: it is a note}
    verify: {none: it is a note, owner: sre, last_day: "2099-12-31"}
`

// newChatCase is a daemon's folder whose people are in a Slack.
func newChatCase(t *testing.T, s *slacktest.Server) *daemonCase {
	t.Helper()
	d := newDaemonCase(t)
	for name, text := range map[string]string{
		"firebreak.yaml": servedChat, "runbooks/note.yaml": servedBook, "bot": slacktest.BotToken, "app": slacktest.AppToken,
	} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	me := os.Getenv("USER")
	if me == "" {
		me = "ann"
	}
	values := map[string]string{"WORK": d.dir, "ME": me, "SLACK": s.APIURL(), "1": "$1"}
	if err := fill(filepath.Join(d.dir, "firebreak.yaml"), func(name string) string { return values[name] }); err != nil {
		t.Fatal(err)
	}
	return d
}

// incidents is the channel of that name, for a test of a process that speaks
// there.
type incidents struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // of one test
	s   *slacktest.Server
	p   *process
}

// wait waits for a message there.
func (c incidents) wait(what string, fits func(slacktest.Message) bool) slacktest.Message {
	c.t.Helper()
	m, err := c.s.WaitMessage(c.ctx, slacktest.Incidents, fits)
	if err != nil {
		c.t.Fatalf("no %s: %v\n%s", what, err, c.p.said())
	}
	return m
}

// approve presses Approve on a card.
func (c incidents) approve(user string, card slacktest.Message) {
	c.t.Helper()
	if _, err := c.s.Click(slacktest.Click{User: user, Channel: slacktest.Incidents, TS: card.TS, Action: "rb.approve.v1"}); err != nil {
		c.t.Fatal(err)
	}
}

// TestServeSlack goes from an alert to the end of its run with people who are
// only in Slack: they are woken, asked, and answer there, over a restart; and
// the next run is one of theirs.
func TestServeSlack(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{Live: true})
	d := newChatCase(t, s)
	p := d.serve("A=")
	if code := d.post(delivery("firing", "Noted", "api", "f1")); code != http.StatusAccepted {
		t.Fatalf("answered with %d", code)
	}
	match, err := p.await(t.Context(), regexp.MustCompile(`"outcome":"started","run":"([^"]+)"`))
	if err != nil {
		t.Fatal(err)
	}
	run := match[1]
	ctx, cancel := context.WithTimeout(t.Context(), patience/3)
	defer cancel()
	channel := incidents{t, ctx, s, p}
	channel.wait("heads-up", func(m slacktest.Message) bool {
		return strings.Contains(m.Render(), "An approval of sre may be asked") && strings.Contains(m.Render(), "<@U0ALICE>")
	})
	card := channel.wait("card", func(m slacktest.Message) bool { return m.Has("rb.approve.v1") })
	channel.wait("notice", slacktest.Containing("Looking at api"))
	sigterm(t, p)
	p = d.serve("A=")
	channel.p = p
	if err := s.Await(ctx, func() bool { return s.Sockets() == 2 }); err != nil {
		t.Fatal(err)
	}
	channel.approve(slacktest.BobUser, card) // who may not; two sockets keep no order, so he is answered first
	if _, err := s.WaitEphemeral(ctx, slacktest.Incidents, slacktest.BobUser, slacktest.Containing("bob is not in sre")); err != nil {
		t.Fatal(err)
	}
	channel.approve(slacktest.Alice, card)
	channel.wait("end", func(m slacktest.Message) bool {
		return strings.Contains(m.Render(), "Ended: succeeded") && strings.Contains(m.Render(), "approved by alice")
	})
	if notes, err := os.ReadFile(filepath.Join(d.dir, "notes")); err != nil || string(notes) != "full\n" {
		t.Errorf("the notes are %q, %v", notes, err)
	}
	shown := d.lines("runs", "show", run)[0]
	if shown["word"] != "succeeded" {
		t.Errorf("it ended %v", shown["word"])
	}
	if _, err := s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents, Text: "run note service=api"}); err != nil {
		t.Fatal(err)
	}
	own := channel.wait("card of alice's run", func(m slacktest.Message) bool {
		return m.TS != card.TS && m.Has("rb.approve.v1") && strings.Contains(m.Render(), "not alice")
	})
	channel.approve(slacktest.Alice, own)
	if _, err := s.WaitEphemeral(ctx, slacktest.Incidents, slacktest.Alice, slacktest.Containing("nobody approves their own request")); err != nil {
		t.Error(err)
	}
	// Carol has a role because of a user group alone, and with it a say.
	for _, c := range []struct{ say, told string }{
		{"who", "You are carol, in leads"}, {"halt", "No run changes anything"}, {"halt --lift", "The halt of everything is lifted"},
	} {
		if _, err := s.Command(slacktest.Command{User: slacktest.Carol, Channel: slacktest.Incidents, Text: c.say}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.WaitEphemeral(ctx, slacktest.Incidents, slacktest.Carol, slacktest.Containing(c.told)); err != nil {
			t.Error(err)
		}
	}
	sigterm(t, p)
	nothingLeft(t)
}

// TestServeSlackOnce ends a daemon after runs were begun from Slack and before
// it has noted so: the next one hears all of it again, begins nothing anew, and
// answers the same.
func TestServeSlackOnce(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{Live: true, NoLimits: true})
	d := newChatCase(t, s)
	p := d.serve("A=")
	ctx, cancel := context.WithTimeout(t.Context(), patience/3)
	defer cancel()
	began := regexp.MustCompile(`Run (\S+) (of note has begun|goes on where)`)
	answers := func(n int) (runs []string) {
		t.Helper()
		if err := s.Await(ctx, func() bool {
			runs = nil
			for _, m := range s.Ephemerals("", slacktest.Alice) {
				if found := began.FindStringSubmatch(m.Render()); found != nil {
					runs = append(runs, found[1])
				}
			}
			return len(runs) == n
		}); err != nil {
			t.Fatalf("%q: %v\n%s", runs, err, p.said())
		}
		return runs
	}
	say := func(text string) {
		t.Helper()
		if _, err := s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents, Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Await(ctx, func() bool { return s.Sockets() == 2 }); err != nil {
		t.Fatal(err)
	}
	say("run note service=api")
	first := answers(1)[0]
	say("cancel " + first)
	if _, err := s.WaitMessage(ctx, slacktest.Incidents, slacktest.Containing("Ended: cancelled_clean")); err != nil {
		t.Fatal(err)
	}
	say("retry " + first)
	want := answers(2)
	sigterm(t, p)
	db, err := sql.Open("sqlite", filepath.Join(d.dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(ctx, `UPDATE heard SET done = 0`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	p = d.serve("A=")
	again := answers(4)
	if got := slices.Sorted(slices.Values(again[2:])); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("heard again they began %q, and before %q", got, want)
	}
	if runs := d.lines("runs", "list"); len(runs) != 2 {
		t.Errorf("there are %d runs: %v", len(runs), runs)
	}
	sigterm(t, p)
	nothingLeft(t)
}

// sigterm ends a daemon as systemd does.
func sigterm(t *testing.T, p *process) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, err := p.wait(t.Context()); err != nil || code != 0 {
		t.Fatal(fmt.Errorf("SIGTERM ends it with %d, %w\n%s", code, err, p.said()))
	}
}
