package slacktest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
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

// TestPayloadShapes holds what this Slack tells an app to what Slack has told
// others: no field that Slack has not, none missing, all of the same type.
func TestPayloadShapes(t *testing.T) {
	root := os.Getenv("FIREBREAK_PAYLOADS")
	if root == "" {
		t.Skip("FIREBREAK_PAYLOADS names no folder")
	}
	s := slacktest.Start(t, slacktest.Config{Events: []string{"app_mention", "reaction_added", "message.im"}})
	told := make(chan any, 1)
	h := &webhook{answer: func(_ int, _ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		var payload any
		if json.Unmarshal(raw, &payload) != nil {
			form, _ := url.ParseQuery(string(raw))
			payload = formOf(form)
			if form.Has("payload") {
				_ = json.Unmarshal([]byte(form.Get("payload")), &payload)
			}
		}
		told <- payload
	}}
	h.start(t, s)
	block := `[{"type":"actions","block_id":"b","elements":[{"type":"button","action_id":"a","value":"v","text":{"type":"plain_text","text":"Button","emoji":true}}]}]`
	call(t, s, slacktest.BotToken, "chat.postEphemeral", map[string]string{"channel": slacktest.Incidents, "user": slacktest.Alice, "text": "x", "blocks": block})
	open := func() {
		d, err := s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents})
		if err != nil {
			t.Fatal(err)
		}
		<-told
		view := `{"type":"modal","callback_id":"view-id","private_metadata":"x","notify_on_close":true,"title":{"type":"plain_text","text":"x"},` +
			`"submit":{"type":"plain_text","text":"x"},"close":{"type":"plain_text","text":"x"},"blocks":[{"type":"input","optional":false,` +
			`"block_id":"hspI","label":{"type":"plain_text","text":"x"},"element":{"type":"plain_text_input","action_id":"maBWU"}}]}`
		if res := call(t, s, slacktest.BotToken, "views.open", map[string]string{"trigger_id": d.TriggerID, "view": view}); res["ok"] != true {
			t.Fatal(res)
		}
	}
	m, _, err := s.Say(slacktest.Say{User: slacktest.BobUser, Channel: slacktest.Incidents, Text: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	enterprise := []string{".enterprise_id", ".team.enterprise_id", ".team.enterprise_name"} // this Slack's workspace is in no organization
	newer := []string{".enterprise", ".is_enterprise_install", ".view.submit_disabled"}      // Slack says so since
	for name, c := range map[string]struct {
		file         string
		do           func() error
		ours, theirs []string // fields that one side alone may have
	}{
		"a command": {file: "slash_command_org.form", ours: []string{".api_app_id", ".is_enterprise_install"}, theirs: []string{".enterprise_id", ".enterprise_name"}, do: func() error {
			_, err := s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents})
			return err
		}},
		"a click": {file: "block_actions_ephemeral_no_message.json", ours: append([]string{".state"}, newer...), theirs: enterprise, do: func() error {
			_, err := s.Click(slacktest.Click{User: slacktest.Alice, Channel: slacktest.Incidents, Action: "a"})
			return err
		}},
		"a submission": {file: "view_submission_bolt.json", ours: newer, theirs: enterprise, do: func() error {
			open()
			_, err := s.Submit(slacktest.Submit{User: slacktest.Alice, Values: map[string]string{"maBWU": "x"}})
			return err
		}},
		"a modal closed": {file: "bolt_view_closed_body.json", ours: append([]string{".is_cleared"}, newer...), theirs: append([]string{".response_urls"}, enterprise...), do: func() error {
			open()
			_, err := s.Dismiss(slacktest.Alice)
			return err
		}},
		"a mention": {file: "socketmode_events_api_app_mention.json", theirs: []string{".event.blocks[].elements[].elements[].user_id"}, do: func() error {
			_, _, err := s.Say(slacktest.Say{User: slacktest.Alice, Channel: slacktest.Incidents, Text: "@firebreak hello"})
			return err
		}},
		"a reaction": {file: "bolt_events_valid_reaction_added_body.json", ours: []string{".authorizations", ".event_context", ".is_ext_shared_channel"}, theirs: []string{".enterprise_id", ".authed_users"}, do: func() error {
			_, err := s.React(slacktest.Alice, slacktest.Incidents, m.TS, "eyes")
			return err
		}},
		"a shortcut": {file: "bolt_shortcut_global_shortcut_body.json", ours: append([]string{".user.name"}, newer...), theirs: enterprise, do: func() error {
			_, err := s.Shortcut(slacktest.Shortcut{User: slacktest.Alice, ID: "x"})
			return err
		}},
		"a shortcut on a message": {file: "bolt_shortcut_message_shortcut_body.json", ours: append([]string{".user.username", ".user.team_id"}, newer...), theirs: append([]string{".message.client_msg_id", ".message.blocks"}, enterprise...), do: func() error {
			_, err := s.Shortcut(slacktest.Shortcut{User: slacktest.Alice, ID: "x", Channel: slacktest.Incidents, TS: m.TS})
			return err
		}},
	} {
		raw, err := os.ReadFile(filepath.Join(root, "slack", c.file))
		if err != nil {
			t.Fatal(err)
		}
		var shape any
		if json.Unmarshal(raw, &shape) != nil {
			form, _ := url.ParseQuery(string(raw))
			shape = formOf(form)
		}
		if envelope, _ := shape.(map[string]any); envelope["payload"] != nil {
			shape = envelope["payload"]
		}
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		payload := <-told
		for _, p := range misshapen("", payload, shape) {
			if !slices.Contains(c.ours, strings.TrimPrefix(p, "Slack has no ")) {
				t.Errorf("%s: %s", name, p)
			}
		}
		for _, p := range misshapen("", shape, payload) {
			if !slices.Contains(c.theirs, strings.TrimPrefix(p, "Slack has no ")) {
				t.Errorf("%s: the other way round, %s", name, p)
			}
		}
	}
}

// formOf is a form as a payload.
func formOf(form url.Values) any {
	all := map[string]any{}
	for k := range form {
		all[k] = form.Get(k)
	}
	return all
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
			of, there := known[name]
			switch {
			case !there:
				all = append(all, fmt.Sprintf("Slack has no %s.%s", at, name))
			case of != nil:
				all = append(all, misshapen(at+"."+name, field, of)...)
			}
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
