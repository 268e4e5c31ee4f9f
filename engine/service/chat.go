package service

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
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

	Pos Pos
}

// SlackCommand is the slash command when nobody names another.
const SlackCommand = "/runbook"

// IsSlashCommand reports whether a text can be a slash command in Slack.
func IsSlashCommand(text string) bool { return slashCommand.pattern.MatchString(text) }

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

func (r *reader) chat(n *yaml.Node) {
	c := &Chat{}
	r.object(n, "chat", fields{"slack": func(n *yaml.Node) { c.Slack = r.slack(n) }})
	r.cfg.Chat = c
}

func (r *reader) slack(n *yaml.Node) *Slack {
	s := &Slack{Command: SlackCommand, Services: map[string]string{}, Roles: map[string]string{}, Groups: map[string]string{}, Pos: posOf(n)}
	r.object(n, "slack", fields{
		"bot_token":      r.reference("bot_token of slack", &s.BotToken),
		"app_token":      r.reference("app_token of slack", &s.AppToken),
		"signing_secret": r.reference("signing_secret of slack", &s.SigningSecret),
		"channel":        r.shaped("channel of slack", channelID, &s.Channel),
		"fallback":       r.shaped("fallback of slack", channelID, &s.Fallback),
		"services":       r.idsBy("services of slack", channelID, s.Services),
		"roles":          r.idsBy("roles of slack", channelID, s.Roles),
		"groups":         r.idsBy("groups of slack", groupID, s.Groups),
		"email":          r.truth("email of slack", &s.Email),
		"command":        r.shaped("command of slack", slashCommand, &s.Command),
		"api_url":        r.shaped("api_url of slack", apiURL, &s.APIURL),
	}, "bot_token", "channel")
	if n.Kind == yaml.MappingNode && has(n, "app_token") == has(n, "signing_secret") {
		r.addf(posOf(n), "missing-key", "app_token: firebreak goes to Slack; signing_secret: Slack comes to firebreak", "slack needs one of app_token and signing_secret")
	}
	r.later = append(r.later, func() { r.slackNames(s, posOf(n)) })
	return s
}

// has reports whether a mapping has a key.
func has(n *yaml.Node, key string) bool {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

// shape is how a text must look.
type shape struct {
	pattern *regexp.Regexp
	hint    string
}

var (
	channelID    = shape{regexp.MustCompile(`^[CG][A-Z0-9]{2,}$`), "Slack shows the id, such as C0123ABCD, at the end of the channel's details: a name can be given to another one"}
	groupID      = shape{regexp.MustCompile(`^S[A-Z0-9]{2,}$`), "write the group's id, such as S0123ABCD"}
	slashCommand = shape{regexp.MustCompile(`^/[a-z0-9_-]{1,31}$`), "write it as /runbook"}
	apiURL       = shape{regexp.MustCompile(`^https?://[^\s/@]+/([^\s]*/)?$`), "write it as https://slack-gov.com/api/"}
)

// shaped reads a text that looks as it must.
func (r *reader) shaped(what string, s shape, into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var text string
		r.text(what, &text)(n)
		if text != "" && !s.pattern.MatchString(text) {
			r.addf(posOf(n), "bad-name", s.hint, "%s cannot be %.80q", what, text)
			return
		}
		*into = text
	}
}

// idsBy reads ids by the names of services or roles.
func (r *reader) idsBy(what string, s shape, into map[string]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.entries(n, what, func(k, v *yaml.Node) {
			var id string
			r.shaped(k.Value+" of "+what, s, &id)(v)
			into[k.Value] = id
		})
	}
}

// reference reads a {secret: ...}.
func (r *reader) reference(what string, into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		ref := secretOf(n)
		if ref == nil {
			r.addf(posOf(n), "bad-secret", secretHint, "%s is not a reference", what)
			return
		}
		if read, ok := r.secret(n, ref).(map[string]any); ok {
			*into, _ = read["secret"].(string)
		}
	}
}

// slackNames finds services and roles in chat: that there are none of, once
// all are known.
func (r *reader) slackNames(s *Slack, at Pos) {
	services, roles := slices.Collect(maps.Keys(r.cfg.Services)), slices.Collect(maps.Keys(r.cfg.Roles))
	for _, by := range []struct {
		what  string
		names map[string]string
		known []string
	}{{"services", s.Services, services}, {"roles", s.Roles, roles}, {"groups", s.Groups, roles}} {
		kind := strings.Replace(by.what, "groups", "roles", 1)
		for _, name := range slices.Sorted(maps.Keys(by.names)) {
			if !slices.Contains(by.known, name) {
				r.addf(at, "unknown-name", hintFrom(name, kind, by.known), "%s of slack names %.80q, which is not under %s", by.what, name, kind)
			}
		}
	}
}
