package slack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/firebreak-ops/firebreak/chatops"
)

// keyHome is the post of somebody's home. It belongs to no run; its place is
// their account, and Ping says which runs wait for them.
const keyHome = "home"

// homes are what people see who look at the app itself. One is shown to whoever
// opens it, and anew when a run asks them, and when one changes that waits for
// them: what was decided elsewhere can be pressed nowhere.
type homes struct {
	due *agenda // of accounts

	mu    sync.Mutex
	posts map[string]Post // by account
}

func newHomes() *homes { return &homes{due: newAgenda(), posts: map[string]Post{}} }

// changed shows those anew for whom a run waits.
func (h *homes) changed(run string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for account, post := range h.posts {
		if slices.Contains(strings.Fields(post.Ping), run) {
			h.due.change(account)
		}
	}
}

// asked shows those anew that do not know yet that a run waits for them.
func (h *homes) asked(run string, accounts []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, account := range accounts {
		if post, open := h.posts[account]; open && !slices.Contains(strings.Fields(post.Ping), run) {
			h.due.change(account)
		}
	}
}

func (h *homes) post(account string) Post {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.posts[account]
}

func (h *homes) set(post Post) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.posts[post.Place] = post
}

// showHomes shows the homes that are due, until ctx ends; first those that have
// something to press since the last process, and then the others, which somebody
// may have been asked on meanwhile.
func (b *Bot) showHomes(ctx context.Context) error {
	posts, err := b.cfg.Posts.Posts(ctx, "")
	if err != nil {
		return endless(ctx, err)
	}
	for _, post := range posts {
		if post.Key != keyHome {
			continue
		}
		b.homes.set(post)
		if post.Ping != "" {
			b.homes.due.change(post.Place)
		} else {
			b.homes.due.add([]string{post.Place})
		}
	}
	select {
	case <-b.met:
	case <-ctx.Done():
		return nil
	}
	for {
		account, ok := b.homes.due.next(ctx)
		if !ok {
			return nil
		}
		wait := b.cfg.Pace
		if err := b.showHome(ctx, account); err != nil && ctx.Err() == nil {
			wait = b.homeless(account, err)
		}
		if !sleep(ctx, wait) {
			return nil
		}
	}
}

// homeless decides what becomes of a home that could not be shown, and how long
// to wait before the next.
func (b *Bot) homeless(account string, err error) time.Duration {
	_, after := faultOf(err)
	if after == 0 && certain(err) { // it would not be taken the next time, either
		b.health.count(&b.health.failed)
		b.cfg.Warn(fmt.Errorf("slack: the home of %s is not shown: %w; the app is made with one by firebreak slack manifest", account, err))
		return b.cfg.Pace
	}
	b.homes.due.change(account)
	return max(after, laneEvery)
}

// showHome makes a home what it is to be. That it is about to is stored before:
// after a crash in between it is not known what it shows.
func (b *Bot) showHome(ctx context.Context, account string) error {
	team, org, _ := b.we()
	who, err := b.speaker(ctx, &delivery{Team: team, Enterprise: org, User: account})
	if err != nil {
		return err
	}
	home, err := b.cfg.Desk.Home(ctx, who)
	if err != nil {
		return err
	}
	d := b.painter.home(home.Cards)
	before := b.homes.post(account)
	post := Post{Key: keyHome, Place: account, Ping: strings.Join(home.Runs, " "), At: b.cfg.Now()}
	if before.Shown == d.digest() && before.Ping == post.Ping {
		return nil
	}
	if err := b.keepHome(ctx, post); err != nil {
		return err
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	view := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: d.blocks}}
	if _, err := b.api.PublishViewContext(call, slack.PublishViewContextRequest{UserID: account, View: view}); err != nil {
		return err
	}
	post.Shown = d.digest()
	return b.keepHome(ctx, post)
}

func (b *Bot) keepHome(ctx context.Context, post Post) error {
	b.homes.set(post)
	return b.cfg.Posts.SetPost(ctx, post)
}

// home draws cards below each other, 12 at most. They share the room: what one
// does not take, those below it may.
func (p painter) home(cards []chatops.Card) drawn {
	var all drawn
	for i, c := range cards {
		d := p.within(c, (maxView-len(all.blocks))/(len(cards)-i))
		for _, block := range d.blocks {
			if actions, ok := block.(*slack.ActionBlock); ok {
				actions.BlockID = fmt.Sprintf("rb.%d", i) // of which there is one in a view
			}
		}
		all.blocks = append(all.blocks, d.blocks...)
	}
	return all
}
