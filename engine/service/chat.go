package service

import (
	"cmp"
	"maps"
	"slices"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Chat is where people are told and asked besides the terminal.
type Chat struct {
	Slack *Slack // nil: not there
}

// Slack is how firebreak reaches a Slack workspace. It is reached in one of
// two ways: with an app token, over a connection that firebreak makes, or with
// a signing secret, over HTTP requests that Slack makes.
type Slack struct {
	BotToken      string // reference
	AppToken      string // reference; empty: Slack comes to us
	SigningSecret string // reference; empty: we go to Slack

	Channel  string            // id of the channel for what has none of its own
	Fallback string            // id of the channel when that fails; empty: people are told one by one
	Services map[string]string // channels by service
	Roles    map[string]string // channels by the role that a runbook asks first
	Groups   map[string]string // user groups, whose members are in a role, by role
	Email    bool              // who has no slack: in people: is known by a confirmed address
	Command  string            // with its slash
	APIURL   string            // of the Web API, with a slash at its end; empty: Slack's own

	Pos runbook.Pos
}

// SlackCommand is the slash command when nobody names another.
const SlackCommand = "/runbook"

// IsSlashCommand reports whether a text can be a slash command in Slack.
func IsSlashCommand(text string) bool { return aCommand.Pattern.MatchString(text) }

// ChannelOf returns the channel for a run of a service whose runbook asks a
// role first; both may be empty.
func (s *Slack) ChannelOf(service, role string) string {
	for _, id := range []string{s.Services[service], s.Roles[role]} {
		if id != "" {
			return id
		}
	}
	return s.Channel
}

func (r *reader) chat(f runbook.Fields) {
	f, ok := r.within(f, "chat", chatShape)
	if !ok {
		return
	}
	r.cfg.Chat = &Chat{}
	at := f.At("slack")
	if f, ok = r.within(f, "slack", slackShape); !ok {
		return
	}
	r.cfg.Chat.Slack = &Slack{
		BotToken:      r.reference(f, "bot_token"),
		AppToken:      r.reference(f, "app_token"),
		SigningSecret: r.reference(f, "signing_secret"),
		Channel:       f.Text("channel"),
		Fallback:      f.Text("fallback"),
		Services:      idsBy(f, "services"),
		Roles:         idsBy(f, "roles"),
		Groups:        idsBy(f, "groups"),
		Email:         f.Flag("email"),
		Command:       cmp.Or(f.Text("command"), SlackCommand),
		APIURL:        f.Text("api_url"),
		Pos:           at,
	}
	r.later = append(r.later, func() { r.slackNames(f) })
}

// idsBy are the ids by the names of services or roles.
func idsBy(f runbook.Fields, key string) map[string]string {
	ids := map[string]string{}
	for _, e := range f.Entries(key) {
		ids[e.Name], _ = e.Value.(string)
	}
	return ids
}

// slackNames finds services and roles in chat that there are none of, once all
// are known.
func (r *reader) slackNames(f runbook.Fields) {
	services, roles := slices.Collect(maps.Keys(r.cfg.Services)), slices.Collect(maps.Keys(r.cfg.Roles))
	for _, e := range f.Entries("services") {
		if r.cfg.Services[e.Name] == nil {
			r.addf(e.Pos, "unknown-service", suggest(e.Name, services, "add it under services"), "services of slack names %.80q, which is not under services", e.Name)
		}
	}
	for _, key := range []string{"roles", "groups"} {
		for _, e := range f.Entries(key) {
			if r.cfg.Roles[e.Name] == nil {
				r.addf(e.Pos, "unknown-role", suggest(e.Name, roles, "add it under roles"), "%s of slack names %.80q, which is not under roles", key, e.Name)
			}
		}
	}
}
