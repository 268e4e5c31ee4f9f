package slacktest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
)

// The folder that FIREBREAK_PAYLOADS names holds, in slack/api_responses, every
// field that Slack has ever answered with, for some methods. What this Slack
// answers with must be among them, and of the same type.

// call makes one call as a program without an SDK would.
func call(t *testing.T, s *slacktest.Server, token, method string, args map[string]string) map[string]any {
	t.Helper()
	form := url.Values{"token": {token}}
	for k, v := range args {
		form.Set(k, v)
	}
	resp, err := http.PostForm(s.APIURL()+method, form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var res map[string]any
	if err := json.Unmarshal(raw, &res); err != nil {
		t.Fatalf("%s answered %q", method, raw)
	}
	return res
}

func TestShapes(t *testing.T) {
	root := os.Getenv("FIREBREAK_PAYLOADS")
	if root == "" {
		t.Skip("FIREBREAK_PAYLOADS names no folder")
	}
	files, err := filepath.Glob(filepath.Join(root, "slack", "api_responses", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no responses in %s (%v)", root, err)
	}
	s := slacktest.Start(t, slacktest.Config{})
	d, err := s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents})
	if err != nil {
		t.Fatal(err)
	}
	blocks := `[{"type":"header","text":{"type":"plain_text","text":"x"}},` +
		`{"type":"section","text":{"type":"mrkdwn","text":"x"},"fields":[{"type":"mrkdwn","text":"y"}]},` +
		`{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"Go"},"value":"1","style":"primary"}]},` +
		`{"type":"context","elements":[{"type":"mrkdwn","text":"z"}]}]`
	post := func(more ...string) string {
		args := map[string]string{"channel": slacktest.Incidents, "text": "x", "blocks": blocks}
		for i := 0; i < len(more); i += 2 {
			args[more[i]] = more[i+1]
		}
		ts, _ := call(t, s, slacktest.BotToken, "chat.postMessage", args)["ts"].(string)
		return ts
	}
	parent := post()
	post("thread_ts", parent)
	input := `{"type":"modal","title":{"type":"plain_text","text":"x"},"submit":{"type":"plain_text","text":"x"},"blocks":[` +
		`{"type":"input","label":{"type":"plain_text","text":"x"},"element":{"type":"plain_text_input"}}]}`
	calls := map[string]map[string]string{
		"apps.connections.open": {},
		"auth.test":             {},
		"chat.postMessage":      {"channel": slacktest.Incidents, "text": "x", "blocks": blocks, "thread_ts": parent},
		"chat.postEphemeral":    {"channel": slacktest.Incidents, "text": "x", "user": slacktest.Alice},
		"chat.update":           {"channel": slacktest.Incidents, "ts": parent, "text": "y", "blocks": blocks},
		"conversations.info":    {"channel": slacktest.Incidents},
		"conversations.list":    {"types": "public_channel,private_channel,im"},
		"conversations.open":    {"users": slacktest.Alice},
		"conversations.replies": {"channel": slacktest.Incidents, "ts": parent},
		"reactions.add":         {"channel": slacktest.Incidents, "timestamp": parent, "name": "eyes"},
		"usergroups.list":       {"include_users": "true"},
		"usergroups.users.list": {"usergroup": slacktest.SRELeads},
		"users.info":            {"user": slacktest.Olga},
		"views.open":            {"trigger_id": d.TriggerID, "view": input},
	}
	for _, file := range files {
		method := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(method, func(t *testing.T) {
			args, known := calls[method]
			if !known {
				t.Fatal("the test does not know how to call it")
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var shape any
			if err := json.Unmarshal(raw, &shape); err != nil {
				t.Fatal(err)
			}
			token := slacktest.BotToken
			if method == "apps.connections.open" {
				token = slacktest.AppToken
			}
			res := call(t, s, token, method, args)
			if res["ok"] != true {
				t.Fatalf("refused: %v", res)
			}
			for _, problem := range misshapen("", res, shape) {
				t.Error(problem)
			}
			no := call(t, s, "xoxb-no", method, args)
			if no["ok"] != false || no["error"] != "invalid_auth" {
				t.Errorf("with a wrong token: %v", no)
			}
		})
	}
}

// misshapen says where a value has what a shape has not.
func misshapen(at string, v, shape any) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case map[string]any:
		known, ok := shape.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is an object, not %T", at, shape)}
		}
		if len(known) == 0 {
			return nil // its names are the app's
		}
		var all []string
		for name, field := range v {
			if known[name] == nil {
				all = append(all, fmt.Sprintf("Slack has no %s.%s", at, name))
				continue
			}
			all = append(all, misshapen(at+"."+name, field, known[name])...)
		}
		return all
	case []any:
		list, ok := shape.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s is a list, not %T", at, shape)}
		}
		var all []string
		for _, e := range v {
			all = append(all, misshapen(at+"[]", e, union(list))...)
		}
		return all
	}
	if fmt.Sprintf("%T", v) != fmt.Sprintf("%T", shape) {
		return []string{fmt.Sprintf("%s is %T, not %T", at, v, shape)}
	}
	return nil
}

// union is what is known of the elements of a list, of all kinds together.
func union(list []any) any {
	var all any
	for _, e := range list {
		all = merge(all, e)
	}
	return all
}

func merge(a, b any) any {
	switch a := a.(type) {
	case map[string]any:
		if b, ok := b.(map[string]any); ok {
			for k, v := range b {
				a[k] = merge(a[k], v)
			}
		}
		return a
	case []any:
		if b, ok := b.([]any); ok {
			return append(a, b...)
		}
		return a
	case nil:
		return b
	}
	return a
}
