package slack

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/slack-go/slack"
	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/service"
)

// App is firebreak as an app that Slack knows.
type App struct {
	URL     string // where Slack sends everything; empty: we go to Slack
	Command string // the slash command; empty: /runbook
	Email   bool   // people are also known by their address
}

// scope is a right of the bot token.
type scope struct {
	name string
	why  string // completes: it is needed to
}

// scopes are the rights that firebreak uses, and no others.
func (a App) scopes() []scope {
	all := []scope{
		{"app_mentions:read", "hear who mentions it"},
		{"channels:history", "find its own messages in public channels after a restart"},
		{"channels:read", "look whether it is in a public channel"},
		{"chat:write", "write"},
		{"commands", "have a slash command"},
		{"files:write", "put what is too long for a message into a file"},
		{"groups:history", "find its own messages in private channels after a restart"},
		{"groups:read", "look whether it is in a private channel"},
		{"im:history", "hear direct messages"},
		{"usergroups:read", "know who is in a user group"},
		{"users:read", "tell people from guests and bots"},
	}
	if a.Email {
		all = append(all, scope{"users:read.email", "know people by their address"})
	}
	return all
}

func (a App) manifest() slack.Manifest {
	command := slack.ManifestSlashCommand{
		Command: cmp.Or(a.Command, service.SlackCommand), Description: "Run, plan, approve and stop runbooks",
		UsageHint: "run NAME | plan NAME | list | runs | status RUN | approve RUN | deny RUN | cancel RUN | halt | help",
		// A mention is somebody's id then, and not a name that somebody else may take.
		ShouldEscape: true, Url: a.URL,
	}
	names := []string{}
	for _, s := range a.scopes() {
		names = append(names, s.name)
	}
	return slack.Manifest{
		Metadata: slack.ManifestMetadata{MajorVersion: 1, MinorVersion: 1},
		Display: slack.Display{
			Name: "firebreak", Description: "Runs runbooks: diagnoses, asks, repairs, verifies, puts back", BackgroundColor: "#7a1f1f",
		},
		Features: slack.Features{
			AppHome:       slack.AppHome{HomeTabEnabled: true, MessagesTabEnabled: true},
			BotUser:       slack.BotUser{DisplayName: "firebreak", AlwaysOnline: true},
			SlashCommands: []slack.ManifestSlashCommand{command},
		},
		OAuthConfig: slack.OAuthConfig{Scopes: slack.OAuthScopes{Bot: names}},
		Settings: slack.Settings{
			EventSubscriptions: &slack.EventSubscriptions{RequestUrl: a.URL, BotEvents: []string{"app_home_opened", "app_mention", "message.im"}},
			Interactivity:      &slack.Interactivity{IsEnabled: true, RequestUrl: a.URL},
			SocketModeEnabled:  a.URL == "",
		},
	}
}

// YAML is the manifest to make the app from.
func (a App) YAML() ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(a.manifest()); err != nil {
		return nil, fmt.Errorf("write the manifest: %w", err)
	}
	return b.Bytes(), nil
}

// JSON is the same in JSON, on one line.
func (a App) JSON() ([]byte, error) {
	b, err := json.Marshal(a.manifest())
	if err != nil {
		return nil, fmt.Errorf("write the manifest: %w", err)
	}
	return b, nil
}
