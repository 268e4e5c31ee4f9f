package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/firebreak-ops/firebreak/engine/service"
)

// Finding is one thing that was looked at.
type Finding struct {
	What   string // bot token, scopes, channel C0123, ...
	Well   string // what it is like, where nothing is wrong
	Fault  string // what is wrong; empty: nothing
	Remedy string // what to do about it
}

// Examine looks whether firebreak could tell and ask people as a configuration
// says, which must have chat.slack. It changes nothing, and asks Slack about
// each thing once, for ten seconds at most each time.
func Examine(ctx context.Context, config *service.Config, secret func(reference string) (string, error)) []Finding {
	d := &doctor{ctx: ctx, config: config, cfg: config.Chat.Slack, secret: secret}
	if !d.tokens() {
		return d.found
	}
	for _, c := range d.channels() {
		d.channel(c)
	}
	for _, role := range slices.Sorted(maps.Keys(d.cfg.Groups)) {
		d.group(role, d.cfg.Groups[role])
	}
	for _, name := range slices.Sorted(maps.Keys(config.People)) {
		if p := config.People[name]; p.Slack != "" {
			d.person(p)
		}
	}
	for _, role := range slices.Sorted(maps.Keys(config.Roles)) {
		d.role(config.Roles[role])
	}
	return d.found
}

type doctor struct {
	ctx    context.Context
	config *service.Config
	cfg    *service.Slack
	secret func(string) (string, error)
	api    *slack.Client
	found  []Finding
}

func (d *doctor) wellf(what, format string, args ...any) {
	d.found = append(d.found, Finding{What: what, Well: fmt.Sprintf(format, args...)})
}

func (d *doctor) ill(what, fault, remedy string) {
	d.found = append(d.found, Finding{What: what, Fault: fault, Remedy: remedy})
}

var (
	botToken      = regexp.MustCompile(`^xoxb-`)
	appToken      = regexp.MustCompile(`^xapp-`)
	signingSecret = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

const (
	install  = "at api.slack.com/apps, the app, Install App, shows the bot token"
	appLevel = "at api.slack.com/apps, the app, Basic Information, App-Level Tokens: make one with connections:write"
)

// read is a secret of the form that it must have; "" where something is wrong
// with it.
func (d *doctor) read(what, reference string, form *regexp.Regexp, begins, remedy string) string {
	text, err := d.secret(reference)
	switch {
	case err != nil:
		d.ill(what, err.Error(), "set what firebreak.yaml names; "+remedy)
	case !form.MatchString(text):
		d.ill(what, "what "+reference+" holds is none: "+begins, remedy)
	default:
		return text
	}
	return ""
}

// tokens looks at all that proves who we are, and at what we may do. It
// reports whether the rest can be looked at.
func (d *doctor) tokens() bool {
	bot := d.read("bot token", d.cfg.BotToken, botToken, "a bot token begins with xoxb-", install)
	options := []slack.Option{slack.OptionHTTPClient(&http.Client{Timeout: callTimeout}), slack.OptionLog(log.New(io.Discard, "", 0))}
	if d.cfg.APIURL != "" {
		options = append(options, slack.OptionAPIURL(d.cfg.APIURL))
	}
	if d.cfg.SigningSecret != "" {
		if d.read("signing secret", d.cfg.SigningSecret, signingSecret, "a signing secret has 32 hexadecimal digits", "at api.slack.com/apps, the app, Basic Information shows the signing secret") != "" {
			d.wellf("signing secret", "looks like one; whether it is this app's shows when Slack sends something")
		}
	} else if token := d.read("app token", d.cfg.AppToken, appToken, "an app-level token begins with xapp-", appLevel); token != "" {
		options = append(options, slack.OptionAppLevelToken(token))
		if _, _, err := slack.New("", options...).StartSocketModeContext(d.ctx); err != nil {
			d.ill("app token", "Slack opens no connection: "+said(err), remedyOf(err, "switch on Socket Mode in the app's settings; "+appLevel))
		} else {
			d.wellf("app token", "Slack opens connections")
		}
	}
	if bot == "" {
		return false
	}
	d.api = slack.New(bot, options...)
	who, err := d.api.AuthTestContext(d.ctx)
	if err != nil {
		d.ill("bot token", said(err), remedyOf(err, "install the app in the workspace again; "+install))
		return false
	}
	d.wellf("bot token", "%s in the workspace %s", who.User, who.Team)
	d.scopes(strings.Split(who.Header.Get("X-Oauth-Scopes"), ","))
	return true
}

func (d *doctor) scopes(granted []string) {
	for i := range granted {
		granted[i] = strings.TrimSpace(granted[i])
	}
	missing := 0
	for _, s := range (App{Email: d.cfg.Email}).scopes() {
		if slices.Contains(granted, s.name) {
			continue
		}
		missing++
		d.ill("scope "+s.name, "is missing: without it firebreak cannot "+s.why,
			"at api.slack.com/apps, the app, OAuth & Permissions: add it to the bot token's scopes and install the app again")
	}
	if missing == 0 {
		d.wellf("scopes", "all are there")
	}
}

// channels are all that are named, each once, in the order of the
// configuration.
func (d *doctor) channels() []string {
	all := []string{d.cfg.Channel}
	if d.cfg.Fallback != "" {
		all = append(all, d.cfg.Fallback)
	}
	for _, by := range []map[string]string{d.cfg.Services, d.cfg.Roles} {
		for _, name := range slices.Sorted(maps.Keys(by)) {
			all = append(all, by[name])
		}
	}
	var once []string
	for _, id := range all {
		if !slices.Contains(once, id) {
			once = append(once, id)
		}
	}
	return once
}

func (d *doctor) channel(id string) {
	what := "channel " + id
	c, err := d.api.GetConversationInfoContext(d.ctx, &slack.GetConversationInfoInput{ChannelID: id})
	switch {
	case err != nil && said(err) == "channel_not_found":
		d.ill(what, "there is no such channel, or it is private and the app is not in it", "look at its id at the end of the channel's details; in a private one, write /invite @firebreak")
	case err != nil:
		d.ill(what, said(err), remedyOf(err, "try again"))
	case c.IsArchived:
		d.ill(what, "#"+c.Name+" is archived", "name another one in chat.slack, or take it out of the archive")
	case !c.IsMember:
		d.ill(what, "the app is not in #"+c.Name, "write /invite @firebreak there")
	case c.IsExtShared:
		d.wellf(what, "#%s; shared with another organization, whose people see the cards and have no say", c.Name)
	default:
		d.wellf(what, "#%s", c.Name)
	}
}

func (d *doctor) group(role, id string) {
	what := "user group " + id
	members, err := d.api.GetUserGroupMembersContext(d.ctx, id)
	if err != nil {
		remedy := "name another one at groups." + role + " of chat.slack, or make it anew in Slack"
		if fault := said(err); fault == "no_such_subteam" || fault == "subteam_disabled" {
			d.ill(what, map[bool]string{true: "there is none", false: "it is switched off"}[fault == "no_such_subteam"], remedy)
			return
		}
		d.ill(what, said(err), remedyOf(err, remedy))
		return
	}
	known := 0
	for _, p := range d.config.People {
		if p.Slack != "" && slices.Contains(members, p.Slack) {
			known++
		}
	}
	if known == 0 {
		d.ill(what, fmt.Sprintf("none of its %d members is somebody under people with a slack: nobody has the role %s by it", len(members), role), "write their user ids at slack of people")
		return
	}
	d.wellf(what, "%d of %d members have the role %s by it", known, len(members), role)
}

func (d *doctor) person(p *service.Person) {
	what := "person " + p.Name
	u, err := d.api.GetUserInfoContext(d.ctx, p.Slack)
	remedy := "correct slack of " + p.Name + " under people: Slack shows the id in the profile, Copy member ID"
	switch {
	case err != nil:
		fault := said(err)
		if fault == "user_not_found" {
			fault = "there is no account " + p.Slack
		}
		d.ill(what, fault, remedyOf(err, remedy))
	case u.Deleted:
		d.ill(what, "the account "+p.Slack+" is deactivated", remedy)
	case u.IsBot:
		d.ill(what, "the account "+p.Slack+" is a bot's, and bots have no say", remedy)
	case u.IsRestricted, u.IsUltraRestricted:
		d.ill(what, "the account "+p.Slack+" is a guest's, and guests have no say", remedy)
	case u.IsStranger:
		d.ill(what, "the account "+p.Slack+" is of another workspace, and its people have no say", remedy)
	default:
		d.wellf(what, "@%s", u.Name)
	}
}

// role looks whether anybody of a role can be asked in Slack.
func (d *doctor) role(r *service.Role) {
	if d.cfg.Groups[r.Name] != "" || len(r.People) == 0 {
		return
	}
	for _, name := range r.People {
		p := d.config.People[name]
		if p != nil && (p.Slack != "" || d.cfg.Email && p.Email != "") {
			return
		}
	}
	d.ill("role "+r.Name, "nobody in it is known in Slack", "write the user id of each at slack of people, or name a user group at groups."+r.Name+" of chat.slack")
}

// said is Slack's word for what is wrong, or the error where it said nothing.
func said(err error) string {
	if e, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		return e.Err
	}
	return err.Error()
}

// remedyOf is what to do about an error; otherwise is for those that are not
// known.
func remedyOf(err error, otherwise string) string {
	e, ok := errors.AsType[slack.SlackErrorResponse](err)
	if limited, is := errors.AsType[*slack.RateLimitedError](err); is {
		return fmt.Sprintf("Slack limits how often it is asked: try again in %v", limited.RetryAfter)
	}
	switch {
	case !ok:
		return "Slack was not reached: look at the network, at a proxy, and at api_url of chat.slack"
	case e.Err == "missing_scope":
		return "add the scope " + e.Needed + " and install the app again"
	case e.Err == "not_allowed_token_type":
		return "it is a token of another kind: bot_token begins with xoxb-, app_token with xapp-"
	}
	return otherwise
}
