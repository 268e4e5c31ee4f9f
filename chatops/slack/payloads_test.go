package slack

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/service"
)

// TestPayloads reads what Slack has sent to others, where FIREBREAK_PAYLOADS
// names a folder of it: each is something that somebody did, needs no answer,
// or is refused in words.
func TestPayloads(t *testing.T) {
	folder := os.Getenv("FIREBREAK_PAYLOADS")
	if folder == "" {
		t.Skip("FIREBREAK_PAYLOADS names no folder")
	}
	files, err := filepath.Glob(filepath.Join(folder, "slack", "*.*"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d payloads in %s (%v)", len(files), folder, err)
	}
	// What somebody did; all others are of apps that are not ours.
	did := map[string]string{
		"bolt_events_valid_event_body.json": isCommand, "signed_event_app_mention.body": isCommand,
		"slash_command_org.form":                              isCommand,
		"socketmode_events_api_app_mention.json":              isCommand,
		"socketmode_slash_commands_0243ed.json":               isCommand,
		"socketmode_slash_commands_6166a6.json":               isCommand,
		"socketmode_slash_commands_command-envelope.json":     isCommand,
		"socketmode_slash_commands_context-bar-envelope.json": isCommand,
	}
	seen := map[string]int{}
	for _, file := range files {
		name := filepath.Base(file)
		if filepath.Ext(name) == ".md" {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := readAs(t, name, raw)
		var unknown *unknownError
		switch {
		case d != nil && err != nil:
			t.Errorf("%s is both done and refused: %+v, %v", name, d, err)
		case d != nil:
			seen["did"]++
			if d.Kind != did[name] {
				t.Errorf("%s is taken for a %s", name, d.Kind)
			}
			if len(d.key()) < 20 {
				t.Errorf("%s has the key %q", name, d.key())
			}
		case errors.As(err, &unknown):
			seen["means nothing here"]++
		case err != nil:
			seen["refused"]++
			t.Logf("%s: %v", name, err)
		default:
			seen["needs no answer"]++
		}
		if d == nil && did[name] != "" {
			t.Errorf("%s is no %s: %v", name, did[name], err)
		}
	}
	t.Log(seen)
}

// readAs reads a payload as it would come.
func readAs(t *testing.T, name string, raw []byte) (*delivery, error) {
	t.Helper()
	b := &Bot{}
	var outer struct {
		Type    string          `json:"type"`
		Event   json.RawMessage `json:"event"`
		Payload json.RawMessage `json:"payload"`
	}
	switch {
	case strings.HasSuffix(name, ".form"):
		form, err := url.ParseQuery(string(raw))
		switch {
		case err != nil:
			return nil, err
		case form.Has("payload"):
			return interaction([]byte(form.Get("payload")))
		}
		return slash(form), nil
	case json.Unmarshal(raw, &outer) != nil:
		t.Fatalf("%s is no JSON", name)
	case strings.HasPrefix(name, "socketmode_"):
		if outer.Payload == nil {
			return nil, nil // hello and disconnect are the library's
		}
		return b.opened(outer.Type, outer.Payload)
	case outer.Event != nil, outer.Type == "app_rate_limited":
		d, _, err := event(raw, "")
		return d, err
	}
	return interaction(raw)
}

// TestSignedPayload: a request that Slack has signed, years ago, is refused,
// whatever it says.
func TestSignedPayload(t *testing.T) {
	folder := os.Getenv("FIREBREAK_PAYLOADS")
	if folder == "" {
		t.Skip("FIREBREAK_PAYLOADS names no folder")
	}
	raw, err := os.ReadFile(filepath.Join(folder, "slack", "signed_event_app_mention.body"))
	if err != nil {
		t.Fatal(err)
	}
	b := &Bot{replays: newReplays(nil), cfg: Config{
		Slack: &service.Slack{}, Warn: func(err error) { t.Error(err) },
		Secret: func(string) (string, error) { return "e6b19c573432dcc6b075501d51b51bb8", nil },
	}}
	r := httptest.NewRequest(http.MethodPost, "/v1/slack", strings.NewReader(string(raw)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Slack-Request-Timestamp", "1531431954")
	r.Header.Set("X-Slack-Signature", "v0=adada4ed31709aef585c2580ca3267678c6a8eaeb7e0c1aca3ee57b656886b2c")
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("it is answered with %d: %s", w.Code, w.Body)
	}
}
