package slack

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/sync/errgroup"

	"github.com/firebreak-ops/firebreak/chatops"
)

// Bot is firebreak in a Slack workspace. Its methods may be called from any
// goroutine at the same time.
type Bot struct {
	cfg     Config
	api     *slack.Client
	http    *http.Client
	painter painter
	health  *health
	users   *users
	groups  *groups
	replays *replays

	addresses *addresses

	app  string // the app token; empty: Slack comes to us
	team string // of our workspace, and of its organization; known once Slack has said so
	org  string
	self string // our own account

	agenda *agenda
	homes  *homes
	met    chan struct{} // closed when Slack has said who we are
	busy   chan struct{} // holds a place for each delivery that is dealt with

	opening sync.RWMutex // held to read while something is heard, to write while it is looked what was heard before

	mu     sync.Mutex // guards what follows
	lanes  map[string]*lane
	alarms map[string]*time.Timer
	start  func(*lane) // sends what waits in a lane
	closed bool
	hears  sync.WaitGroup  // deliveries that are dealt with
	life   context.Context // of what is dealt with; nil: nothing is yet
}

// atOnce is how many deliveries are dealt with side by side.
const atOnce = 32

// New returns a bot that says nothing yet. It fails when a secret cannot be
// read.
func New(cfg Config) (*Bot, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Pace == 0 {
		cfg.Pace = laneEvery
	}
	token, err := cfg.Secret(cfg.Slack.BotToken)
	if err != nil {
		return nil, fmt.Errorf("chat.slack.bot_token: %w", err)
	}
	b := &Bot{
		cfg: cfg, http: &http.Client{Timeout: 2 * callTimeout},
		health:  &health{now: cfg.Now, places: map[string]lostPlace{}, sock: map[int]socketing{}},
		replays: newReplays(cfg.Now),
		agenda:  newAgenda(), homes: newHomes(), met: make(chan struct{}), busy: make(chan struct{}, atOnce),
		lanes: map[string]*lane{}, alarms: map[string]*time.Timer{},
	}
	options := []slack.Option{slack.OptionHTTPClient(b.http), slack.OptionLog(log.New(io.Discard, "", 0))}
	if cfg.Slack.AppToken != "" {
		if b.app, err = cfg.Secret(cfg.Slack.AppToken); err != nil {
			return nil, fmt.Errorf("chat.slack.app_token: %w", err)
		}
		options = append(options, slack.OptionAppLevelToken(b.app))
	} else if _, err := cfg.Secret(cfg.Slack.SigningSecret); err != nil {
		return nil, fmt.Errorf("chat.slack.signing_secret: %w", err)
	}
	if cfg.Slack.APIURL != "" {
		options = append(options, slack.OptionAPIURL(cfg.Slack.APIURL))
	}
	b.api = slack.New(token, options...)
	b.users = newUsers(b)
	b.groups = &groups{bot: b, members: map[string][]string{}}
	b.addresses = &addresses{bot: b, accounts: map[string]string{}}
	b.painter = painter{mention: b.mention}
	return b, nil
}

// mention calls a person.
func (b *Bot) mention(name string) string {
	if id := b.account(name); id != "" {
		return "<@" + id + ">"
	}
	return safe(name)
}

// Changed says that a run may have to be told anew. It does not block.
func (b *Bot) Changed(run string) {
	b.agenda.change(run)
	b.homes.changed(run)
}

// lane is the one for a place.
func (b *Bot) lane(place string) *lane {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.lanes[place]
	if l == nil {
		l = newLane(place, b.cfg.Pace, b.cfg.Now)
		b.lanes[place] = l
		b.start(l)
	}
	return l
}

// Run tells and listens until ctx ends. It returns nil then, and the error of
// a state that can no longer be used. It is called once.
func (b *Bot) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	b.mu.Lock()
	b.start = func(l *lane) {
		group.Go(func() error {
			b.serve(ctx, l)
			return nil
		})
	}
	b.mu.Unlock()
	group.Go(func() error { return b.introduce(ctx) })
	group.Go(func() error { return b.considerAll(ctx) })
	group.Go(func() error { return b.heedAll(ctx) })
	group.Go(func() error { return b.showHomes(ctx) })
	group.Go(func() error {
		b.groups.follow(ctx)
		return nil
	})
	group.Go(func() error {
		b.addresses.follow(ctx)
		return nil
	})
	for n := range sockets {
		if b.app != "" {
			group.Go(func() error {
				b.socket(ctx, n)
				return nil
			})
		}
	}
	err := group.Wait()
	b.mu.Lock()
	b.closed = true
	for _, t := range b.alarms {
		t.Stop()
	}
	b.mu.Unlock()
	b.hears.Wait()
	return err
}

// introduce finds out who we are, however long Slack takes to say so.
func (b *Bot) introduce(ctx context.Context) error {
	for wait := time.Second; ; wait = min(2*wait, retryMost) {
		a, err := b.api.AuthTestContext(ctx)
		if err == nil {
			b.mu.Lock()
			b.team, b.org, b.self = a.TeamID, a.EnterpriseID, a.UserID
			b.mu.Unlock()
			close(b.met)
			return nil
		}
		if kind, _ := faultOf(err); kind == faultToken && b.health.die(err) {
			b.cfg.Warn(fmt.Errorf("slack: the bot token is refused: %w", err))
		}
		if !sleep(ctx, wait) {
			return nil
		}
	}
}

// we are our team, organization and account; empty until Slack has said so.
func (b *Bot) we() (team, org, self string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.team, b.org, b.self
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// considerAll considers every run that changes, and between them those of which
// not everything was told when the last process ended.
func (b *Bot) considerAll(ctx context.Context) error {
	runs, err := b.untold(ctx)
	if err != nil {
		return endless(ctx, err)
	}
	b.agenda.add(runs)
	for {
		run, ok := b.agenda.next(ctx)
		if !ok {
			return nil
		}
		if err := b.consider(ctx, run); err != nil && ctx.Err() == nil {
			b.cfg.Warn(fmt.Errorf("slack: run %s is not told: %w", run, err))
		}
	}
}

// untold are the runs of which not everything is told.
func (b *Bot) untold(ctx context.Context) ([]string, error) {
	began, err := b.began(ctx)
	if err != nil {
		return nil, err
	}
	return b.cfg.Posts.Untold(ctx, began, keyDone)
}

// endless is an error, unless it is that everything ends.
func endless(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // nothing is wrong
	}
	return err
}

// began is when telling began: runs before that are nobody's news.
func (b *Bot) began(ctx context.Context) (time.Time, error) {
	posts, err := b.cfg.Posts.Posts(ctx, "")
	if err != nil {
		return time.Time{}, err
	}
	for _, p := range posts {
		if p.Key == since.Key {
			return p.At, nil
		}
	}
	first := since
	first.At = b.cfg.Now()
	return first.At, b.cfg.Posts.SetPost(ctx, first)
}

// Status is how the way to people is.
func (b *Bot) Status() Status {
	s := b.health.status(b.app != "")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lanes {
		s.Waiting += l.waits()
	}
	return s
}

// Members are the people of a role because of a Slack user group, as far as
// they are known.
func (b *Bot) Members(role string) []string { return b.groups.of(role) }

// speaker is who made a delivery.
func (b *Bot) speaker(ctx context.Context, d *delivery) (chatops.Speaker, error) {
	who := chatops.Speaker{Account: "slack:" + d.Team + "/" + d.User, Via: d.via()}
	account, err := b.users.account(ctx, d)
	if err != nil {
		return who, err
	}
	if who.Person, who.Refusal = b.cfg.Directory.Person(account); who.Person == "" {
		who.Via["nobody"] = who.Refusal
	}
	return who, nil
}
