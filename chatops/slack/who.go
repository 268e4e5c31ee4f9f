package slack

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/firebreak-ops/firebreak/chatops"
)

// fresh is for how long what Slack says of people is believed.
const fresh = time.Minute

// users are accounts as Slack knows them.
type users struct {
	bot *Bot

	mu    sync.Mutex
	known map[string]known
}

type known struct {
	user *slack.User
	at   time.Time
}

func newUsers(b *Bot) *users { return &users{bot: b, known: map[string]known{}} }

// tries is how often Slack is asked who somebody is before they are asked to
// press again.
const tries = 4

// account is what counts of whoever made a delivery. What Slack does not tell
// counts against them: its error is that it could not be found out.
func (u *users) account(ctx context.Context, d *delivery) (chatops.Account, error) {
	a := chatops.Account{ID: d.User, Outside: u.bot.elsewhere(d)}
	if a.Outside || d.User == "" {
		a.Outside = true
		return a, nil
	}
	user, err := u.user(ctx, d.User)
	if err != nil {
		return a, err
	}
	a.Bot = user.IsBot || user.IsAppUser || user.IsWorkflowBot || user.IsConnectorBot || user.ID == "USLACKBOT"
	a.Guest = user.IsRestricted || user.IsUltraRestricted
	a.Gone = user.Deleted
	team, org, _ := u.bot.we()
	member := user.TeamID == team || org != "" && (user.Enterprise.EnterpriseID == org || slices.Contains(user.Enterprise.Teams, team))
	a.Outside = user.IsStranger || !member
	if user.IsEmailConfirmed {
		a.Email = user.Profile.Email
	}
	return a, nil
}

// elsewhere reports whether a delivery comes from another workspace than ours,
// as in a channel that two companies share.
func (b *Bot) elsewhere(d *delivery) bool {
	team, org, _ := b.we()
	if org != "" && d.Enterprise == org {
		return false
	}
	return team == "" || d.Team != team || d.UserTeam != "" && d.UserTeam != team
}

func (u *users) user(ctx context.Context, id string) (*slack.User, error) {
	u.mu.Lock()
	k, ok := u.known[id]
	u.mu.Unlock()
	now := u.bot.cfg.Now()
	if ok && now.Sub(k.at) < fresh {
		return k.user, nil
	}
	var err error
	for wait, n := 200*time.Millisecond, 0; n < tries; wait, n = 3*wait, n+1 {
		var user *slack.User
		if user, err = u.bot.api.GetUserInfoContext(ctx, id); err == nil {
			u.mu.Lock()
			u.known[id] = known{user, now}
			u.mu.Unlock()
			return user, nil
		}
		kind, after := faultOf(err)
		if kind != faultLater {
			break
		}
		if !sleep(ctx, min(max(wait, after), 5*time.Second)) {
			break
		}
	}
	return nil, fmt.Errorf("who %s is could not be found out: %w", id, err)
}

// groups are the members of Slack user groups, as people of the configuration.
type groups struct {
	bot *Bot

	mu      sync.Mutex
	members map[string][]string // by role
}

// follow keeps them up to date until ctx ends.
func (g *groups) follow(ctx context.Context) {
	for len(g.bot.cfg.Slack.Groups) > 0 {
		for role, id := range g.bot.cfg.Slack.Groups {
			ids, err := g.bot.api.GetUserGroupMembersContext(ctx, id)
			if err != nil {
				g.bot.health.count(&g.bot.health.failed)
				continue // who was in it, stays in it
			}
			var people []string
			for _, p := range g.bot.cfg.Directory.People {
				if id := g.bot.account(p.Name); id != "" && slices.Contains(ids, id) {
					people = append(people, p.Name)
				}
			}
			g.mu.Lock()
			g.members[role] = people
			g.mu.Unlock()
		}
		if !sleep(ctx, fresh) {
			return
		}
	}
}

func (g *groups) of(role string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.members[role])
}
