package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
)

// slackConfig writes a firebreak.yaml with a chat, and sets what it names.
func slackConfig(t *testing.T, s *slacktest.Server, more string) string {
	t.Helper()
	t.Setenv("TEST_SLACK_BOT", slacktest.BotToken)
	t.Setenv("TEST_SLACK_APP", slacktest.AppToken)
	file := filepath.Join(t.TempDir(), "firebreak.yaml")
	text := fmt.Sprintf(`people:
  alice: {slack: %s}
roles:
  sre: {people: [alice]}
chat:
  slack:
    bot_token: {secret: "env:TEST_SLACK_BOT"}
    app_token: {secret: "env:TEST_SLACK_APP"}
    channel: %s
    api_url: %s
%s`, slacktest.Alice, slacktest.Incidents, s.APIURL(), more)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestSlackDoctor(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	config := slackConfig(t, s, "")
	do := func(args ...string) (exitCode, string) {
		var out strings.Builder
		code := execute(t.Context(), &app{out: &out, err: &out, env: os.Getenv}, append([]string{"slack", "doctor", "--config", config}, args...))
		return code, out.String()
	}
	if code, out := do(); code != exitOK || !strings.Contains(out, "✓ bot token: firebreak in the workspace firebreak-test\n") || strings.Contains(out, "✗") {
		t.Errorf("code %d:\n%s", code, out)
	}
	s.Leave(slacktest.Incidents, slacktest.BotUser)
	if code, out := do(); code != exitProblems || !strings.Contains(out, "✗ channel C0INCIDENTS: the app is not in #incidents\n    write /invite @firebreak there\n") {
		t.Errorf("code %d:\n%s", code, out)
	}
	code, out := do("--json")
	ill := 0
	for line := range strings.Lines(out) {
		var l slackLine
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Type != "slack_check" || l.Check == "" || l.Text == "" || l.OK != (l.Hint == "") {
			t.Errorf("%q: %v", line, err)
		}
		if !l.OK {
			ill++
		}
	}
	if code != exitProblems || ill != 1 {
		t.Errorf("code %d, %d things are wrong:\n%s", code, ill, out)
	}
}

func TestSlackManifest(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	config := slackConfig(t, s, "    command: /ops\n    email: true\n")
	do := func(args ...string) (exitCode, string) {
		var out strings.Builder
		code := execute(t.Context(), &app{out: &out, err: &out, env: os.Getenv}, append([]string{"slack", "manifest", "--config", config}, args...))
		return code, out.String()
	}
	if code, out := do(); code != exitOK || !strings.Contains(out, "command: /ops\n") || !strings.Contains(out, "users:read.email") || !strings.Contains(out, "socket_mode_enabled: true") {
		t.Errorf("code %d:\n%s", code, out)
	}
	code, out := do("--url", "https://fb.example.com/", "--command", "/fb", "--json")
	if code != exitOK || strings.Count(out, `"https://fb.example.com/v1/slack"`) != 3 || !strings.Contains(out, `"/fb"`) || strings.Contains(out, "socket_mode_enabled") || !json.Valid([]byte(out)) {
		t.Errorf("code %d:\n%s", code, out)
	}
	for _, bad := range [][]string{{"--url", "http://fb.example.com"}, {"--url", "fb.example.com"}, {"--url", "https://fb.example.com?a=b"}, {"--command", "runbook"}, {"--command", "/Run Book"}} {
		if code, out := do(bad...); code != exitUsage {
			t.Errorf("%q: code %d:\n%s", bad, code, out)
		}
	}
}
