package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
	"github.com/firebreak-ops/firebreak/runbooks/drills"
)

// practiceChat is the configuration of people who practise in their Slack.
const practiceChat = `
people:
  alice: {slack: U0ALICE}
  bob: {slack: U0BOB}
  carol: {slack: U0CAROL}
roles:
  sre-oncall: {people: [alice, bob]}
  sre-leads: {people: [carol]}
services:
  api: {environment: prod, owner: platform}
chat:
  slack:
    bot_token: {secret: "file:$WORK/bot"}
    app_token: {secret: "file:$WORK/app"}
    channel: C0INCIDENTS
    services: {api: C0PROD}
    api_url: "$SLACK"
`

// TestDrillChat replays the outage with its gate in a Slack: the people of a
// configuration are woken and asked there, with the cause and the change before
// them, and one of them says yes.
func TestDrillChat(t *testing.T) {
	needPostgres(t)
	s := slacktest.Start(t, slacktest.Config{Live: true})
	dir := t.TempDir()
	text := strings.NewReplacer("$WORK", dir, "$SLACK", s.APIURL()).Replace(practiceChat)
	for name, text := range map[string]string{"firebreak.yaml": text, "bot": slacktest.BotToken, "app": slacktest.AppToken} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, sandbox := startDrill(t, "--json", "--chat", filepath.Join(dir, "firebreak.yaml"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	channel := incidents{t, ctx, s, p}
	channel.wait("heads-up", func(m slacktest.Message) bool {
		return strings.Contains(m.Render(), "may be asked") && strings.Contains(m.Render(), "<@U0ALICE>")
	})
	card := channel.wait("card", func(m slacktest.Message) bool { return m.Has("rb.approve.v1") })
	for _, text := range []string{"app_pool_too_small", "not ", "max: 20", "max: 50", "undo:", "no undo:", "sre-oncall", "then the run ends"} {
		if !strings.Contains(card.Render(), text) {
			t.Errorf("the card does not say %q:\n%s", text, card.Render())
		}
	}
	channel.approve(slacktest.Gus, card)
	if _, err := s.WaitEphemeral(ctx, slacktest.Incidents, slacktest.Gus, slacktest.Containing("guests have no say")); err != nil {
		t.Fatal(err)
	}
	channel.approve(slacktest.BobUser, card)
	done := channel.wait("decided card", func(m slacktest.Message) bool { return m.TS == card.TS && len(m.Buttons()) == 0 })
	if !strings.Contains(done.Render(), "approved by bob") {
		t.Errorf("the card says\n%s", done.Render())
	}
	channel.wait("end", slacktest.Containing("Ended: succeeded"))
	code, err := p.wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(p.said()), "\n") // how fast it was is not tested here
	var r drills.Result
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil || code != int(exitOK) && code != int(exitDrill) || r.Cause != "app_pool_too_small" {
		t.Errorf("exit code %s, and the last line is %s (%v)", exitCode(code), lines[len(lines)-1], err)
	}
	drillGone(t, sandbox)
}

// TestDrillChatRefused says what is wrong with a configuration in whose chat
// nobody can be asked.
func TestDrillChatRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "firebreak.yaml")
	if err := os.WriteFile(file, []byte("services:\n  api: {environment: prod, owner: platform}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{}
	if _, err := a.practised([]byte("services: {}\n"), file); err == nil || !strings.Contains(err.Error(), "no chat.slack") {
		t.Errorf("it says %v", err)
	}
	if _, err := a.practised(nil, file+"x"); err == nil || !strings.Contains(err.Error(), "whose people are asked") {
		t.Errorf("it says %v", err)
	}
}
