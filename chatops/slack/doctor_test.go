package slack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/chatops/slack"
	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
	"github.com/firebreak-ops/firebreak/engine/service"
)

// wellConfigured is a configuration in which nothing is wrong.
func wellConfigured(s *slacktest.Server) *service.Config {
	return &service.Config{
		People: map[string]*service.Person{
			"alice": {Name: "alice", Slack: slacktest.Alice},
			"carol": {Name: "carol", Slack: slacktest.Carol},
			"dave":  {Name: "dave"},
		},
		Roles: map[string]*service.Role{
			"sre":   {Name: "sre", People: []string{"alice"}},
			"leads": {Name: "leads", People: []string{"dave"}},
		},
		Chat: &service.Chat{Slack: &service.Slack{
			BotToken: "bot", AppToken: "app", Channel: slacktest.Incidents, APIURL: s.APIURL(),
			Groups: map[string]string{"leads": slacktest.SRELeads},
		}},
	}
}

func TestDoctor(t *testing.T) {
	type situation struct {
		slack   *slacktest.Server
		config  *service.Config
		cfg     *service.Slack
		secrets map[string]string
	}
	for name, c := range map[string]struct {
		wrong func(x situation)
		want  []string // what it finds, each "what: fault"; none: all is well
	}{
		"all is well":      {func(situation) {}, nil},
		"all is well, too": {func(x situation) { x.cfg.AppToken, x.cfg.SigningSecret = "", "sign" }, nil},
		"a secret that is not set": {func(x situation) { delete(x.secrets, "bot") }, []string{
			"bot token: bot is not set",
		}},
		"tokens the wrong way round": {func(x situation) { x.cfg.BotToken, x.cfg.AppToken = "app", "bot" }, []string{
			"bot token: what app holds is none", "app token: what bot holds is none",
		}},
		"an old bot token": {func(x situation) { x.slack.Revoke(slacktest.BotToken) }, []string{"bot token: token_revoked"}},
		"an old app token": {func(x situation) { x.slack.Revoke(slacktest.AppToken) }, []string{"app token: Slack opens no connection: token_revoked"}},
		"a signing secret of something else": {func(x situation) {
			x.cfg.AppToken, x.cfg.SigningSecret, x.secrets["sign"] = "", "sign", "hello"
		}, []string{"signing secret: what sign holds is none"}},
		"a scope that is missing": {func(x situation) {
			x.slack.SetScopes("app_mentions:read", "channels:history", "channels:read", "commands", "files:write", "groups:history", "groups:read", "im:history", "usergroups:read", "users:read")
		}, []string{"scope chat:write: is missing: without it firebreak cannot write"}},
		"a scope that is needed to look": {func(x situation) {
			x.slack.SetScopes("app_mentions:read", "channels:history", "channels:read", "chat:write", "commands", "files:write", "groups:history", "groups:read", "im:history", "users:read")
		}, []string{"scope usergroups:read: is missing", "user group " + slacktest.SRELeads + ": missing_scope"}},
		"addresses without the scope": {func(x situation) {
			x.cfg.Email = true
			x.slack.SetScopes("app_mentions:read", "channels:history", "channels:read", "chat:write", "commands", "files:write", "groups:history", "groups:read", "im:history", "usergroups:read", "users:read")
		}, []string{"scope users:read.email: is missing"}},
		"channels": {func(x situation) {
			x.cfg.Fallback = "C0NONE"
			x.cfg.Services = map[string]string{"api": slacktest.Prod, "web": slacktest.Incidents}
			x.cfg.Roles = map[string]string{"leads": slacktest.Leads}
		}, []string{
			"channel C0NONE: there is no such channel", "channel " + slacktest.Prod + ": the app is not in #prod",
			"channel " + slacktest.Leads + ": there is no such channel, or it is private",
		}},
		"an archived channel": {func(x situation) { x.slack.Archive(slacktest.Incidents) }, []string{"channel " + slacktest.Incidents + ": #incidents is archived"}},
		"groups": {func(x situation) {
			x.cfg.Groups = map[string]string{"leads": "S0NONE", "sre": slacktest.SREOnCall}
			x.slack.SetGroup(slacktest.SREOnCall, slacktest.BobUser)
		}, []string{"user group S0NONE: there is none", "user group " + slacktest.SREOnCall + ": none of its 1 members"}},
		"accounts": {func(x situation) {
			for who, id := range map[string]string{"a": "U0NONE", "b": slacktest.Gus, "c": slacktest.Olga, "d": slacktest.Robot, "e": slacktest.BobUser} {
				x.config.People[who] = &service.Person{Name: who, Slack: id}
			}
			x.slack.SetUser(slacktest.User{ID: slacktest.BobUser, Name: "bob", Deactivated: true})
		}, []string{
			"person a: there is no account U0NONE", "person b: the account U0GUS is a guest's", "person c: the account U0OLGA is of another workspace",
			"person d: the account U0ROBOT is a bot's", "person e: the account U0BOB is deactivated",
		}},
		"a role that cannot be asked":  {func(x situation) { x.cfg.Groups = nil }, []string{"role leads: nobody in it is known in Slack"}},
		"a Slack that does not answer": {func(x situation) { x.slack.Close() }, []string{"app token: Slack opens no connection: ", "bot token: "}},
		"a Slack that limits": {func(x situation) {
			x.slack.Fail("users.info", slacktest.Fault{RetryAfter: 7e9})
		}, []string{"person alice: slack rate limit exceeded, retry after 7s"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := slacktest.Start(t, slacktest.Config{})
			x := situation{slack: s, config: wellConfigured(s), secrets: map[string]string{
				"bot": slacktest.BotToken, "app": slacktest.AppToken, "sign": "0123456789abcdef0123456789abcdef",
			}}
			x.cfg = x.config.Chat.Slack
			c.wrong(x)
			found := slack.Examine(t.Context(), x.config, func(reference string) (string, error) {
				if secret, ok := x.secrets[reference]; ok {
					return secret, nil
				}
				return "", fmt.Errorf("%s is not set", reference)
			})
			var ill []string
			for _, f := range found {
				switch {
				case f.Fault == "" && f.Well == "":
					t.Errorf("it says nothing of %s", f.What)
				case f.Fault != "" && f.Remedy == "":
					t.Errorf("it does not say what to do: %+v", f)
				case strings.Contains(fmt.Sprint(f), slacktest.BotToken), strings.Contains(fmt.Sprint(f), slacktest.AppToken):
					t.Errorf("it shows a secret: %+v", f)
				case f.Fault != "":
					ill = append(ill, f.What+": "+f.Fault)
				}
			}
			if len(ill) != len(c.want) {
				t.Fatalf("it finds %q, not %q", ill, c.want)
			}
			for i, want := range c.want {
				if !strings.HasPrefix(ill[i], want) {
					t.Errorf("it finds %q, not %q", ill[i], want)
				}
			}
			if len(s.Messages(slacktest.Incidents)) > 0 {
				t.Error("it writes to people")
			}
		})
	}
}
