package slack_test

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	goslack "github.com/slack-go/slack"
	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/chatops/slack"
)

var apps = map[string]slack.App{
	"socket": {},
	"http":   {URL: "https://firebreak.example.com/v1/slack", Command: "/fb", Email: true},
}

// TestManifest holds both forms to what slack-go reads of them.
func TestManifest(t *testing.T) {
	for name, app := range apps {
		y, err := app.YAML()
		if err != nil {
			t.Fatal(err)
		}
		j, err := app.JSON()
		if err != nil {
			t.Fatal(err)
		}
		var fromYAML, fromJSON goslack.Manifest
		if err := yaml.Unmarshal(y, &fromYAML); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(j, &fromJSON); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(fromYAML, fromJSON) {
			t.Errorf("%s: in YAML it is\n%s\nand in JSON\n%s", name, y, j)
		}
		m := fromYAML
		http := app.URL != ""
		if m.Settings.SocketModeEnabled == http || m.Settings.EventSubscriptions.RequestUrl != app.URL ||
			m.Settings.Interactivity.RequestUrl != app.URL || m.Features.SlashCommands[0].Url != app.URL {
			t.Errorf("%s: Slack sends to the wrong places:\n%s", name, y)
		}
		if got := slices.Contains(m.OAuthConfig.Scopes.Bot, "users:read.email"); got != app.Email {
			t.Errorf("%s: it asks for addresses: %t", name, got)
		}
		if want := map[bool]string{true: "/fb", false: "/runbook"}[http]; m.Features.SlashCommands[0].Command != want {
			t.Errorf("%s: the command is %s", name, m.Features.SlashCommands[0].Command)
		}
	}
}

// TestManifestSchema holds both forms to the schema that others have written,
// where FIREBREAK_SLACK_SCHEMA names a file of it.
func TestManifestSchema(t *testing.T) {
	file := os.Getenv("FIREBREAK_SLACK_SCHEMA")
	if file == "" {
		t.Skip("FIREBREAK_SLACK_SCHEMA names no file")
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "$schema") // an older draft; what it says means the same in ours
	delete(fields, "id")
	raw, err = json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, app := range apps {
		j, err := app.JSON()
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(j, &m); err != nil {
			t.Fatal(err)
		}
		if err := resolved.Validate(m); err != nil {
			t.Errorf("%s: %v\n%s", name, err, j)
		}
		m["display_information"] = map[string]any{"name": "a name that is longer than Slack allows it"}
		if resolved.Validate(m) == nil {
			t.Error("the schema allows anything")
		}
	}
}
