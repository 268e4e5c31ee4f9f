package slacktest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Config says what a Slack holds. The zero value is a workspace for most
// tests.
type Config struct {
	Workspace *Workspace // DefaultWorkspace where nil
	// Clock is the time of this Slack; one that starts now where nil. An app
	// that is tested may read the same clock.
	Clock *Clock
	// Live lets time pass by itself, as for a demonstration.
	Live bool
	// Scopes of the bot token; AllScopes where nil.
	Scopes []string
	// Commands that the app has registered; /runbook where nil.
	Commands []string
	// Events that the app has subscribed to; app_mention, app_home_opened and
	// message.im where nil.
	Events []string
	// Escape makes @name in the text of a command the user's id, as
	// should_escape in the manifest does.
	Escape bool
	// NoLimits turns rate limits off.
	NoLimits bool
}

// The app's credentials.
const (
	BotToken      = "xoxb-slacktest-bot" //nolint:gosec // of this Slack alone
	AppToken      = "xapp-slacktest-app" //nolint:gosec // of this Slack alone
	SigningSecret = "8f742231b10e8888abcd99yyyzzz85a5"
	legacyToken   = "legacy-verification-token" // proves nothing
)

// AllScopes are those that a bot may ask for here.
func AllScopes() []string {
	return []string{
		"app_mentions:read", "channels:history", "channels:join", "channels:read", "chat:write", "chat:write.public",
		"commands", "files:write", "groups:history", "groups:read", "im:history", "im:read", "im:write",
		"reactions:write", "team:read", "usergroups:read", "users:read", "users:read.email",
	}
}

// Server is a Slack. Its methods may be called from anywhere at any time.
type Server struct {
	cfg   Config
	clock *Clock
	http  *http.Server
	base  string
	life  context.Context // ends with Close
	end   context.CancelFunc
	tasks sync.WaitGroup

	mu       sync.Mutex
	changed  chan struct{} // closed and made anew with each change
	closed   bool
	users    []User
	channels []*Channel
	groups   []Group
	messages []*Message // in the order of their ts
	files    map[string]*file
	lastTS   int64
	made     int // ids

	tokens    map[string]*token
	buckets   map[string]*bucket
	faults    map[string][]Fault
	triggers  map[string]*trigger
	responses map[string]*responseURL
	views     map[string]*view
	stacks    map[string][]*view // open modals, the top last, by user
	homes     map[string]*view
	log       []Entry
	calls     map[string]int

	requestURL string // HTTP mode, where set
	sockets    []*socket
	turn       int
	tickets    map[string]time.Time
	linkOff    bool
	inFlight   map[string]*attempt
	duplicate  int
	holding    bool
	held       []func()
	tamper     []func(*http.Request)
	last       *sent
}

type token struct {
	app     bool // an app-level token
	scopes  []string
	invalid string // the error that it gets, once revoked
}

// New starts a Slack on a free port of the loopback address.
func New(cfg Config) (*Server, error) {
	if cfg.Clock == nil {
		cfg.Clock = NewClock(time.Now())
	}
	if cfg.Scopes == nil {
		cfg.Scopes = AllScopes()
	}
	if cfg.Commands == nil {
		cfg.Commands = []string{"/runbook"}
	}
	if cfg.Events == nil {
		cfg.Events = []string{"app_mention", "app_home_opened", "message.im"}
	}
	space := DefaultWorkspace()
	if cfg.Workspace != nil {
		space = *cfg.Workspace
	}
	s := &Server{
		cfg: cfg, clock: cfg.Clock, changed: make(chan struct{}),
		users:  append([]User{{ID: BotUser, Name: "firebreak", Bot: true, botID: Bot}}, space.Users...),
		groups: slices.Clone(space.Groups),
		files:  map[string]*file{},
		tokens: map[string]*token{
			BotToken: {scopes: slices.Clone(cfg.Scopes)},
			AppToken: {app: true, scopes: []string{"connections:write"}},
		},
		buckets: map[string]*bucket{}, faults: map[string][]Fault{},
		triggers: map[string]*trigger{}, responses: map[string]*responseURL{},
		views: map[string]*view{}, stacks: map[string][]*view{}, homes: map[string]*view{}, calls: map[string]int{},
		tickets: map[string]time.Time{}, inFlight: map[string]*attempt{},
	}
	for _, c := range space.Channels {
		c.Members = slices.Clone(c.Members)
		s.channels = append(s.channels, &c)
	}
	s.life, s.end = context.WithCancel(context.Background())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a Slack: %w", err)
	}
	s.base = "http://" + listener.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.api)
	mux.HandleFunc("POST /upload/{file}", s.upload)
	mux.HandleFunc("POST /response/{id}", s.respond)
	mux.HandleFunc("GET /link/", s.link)
	mux.HandleFunc("POST /_control/{verb}", s.control)
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	s.tasks.Go(func() { _ = s.http.Serve(listener) })
	if cfg.Live {
		s.tasks.Go(func() { s.clock.follow(s.life.Done()) })
	}
	return s, nil
}

// Start is New for a test: the Slack ends with it.
func Start(t testing.TB, cfg Config) *Server {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Close ends the Slack and all connections. A second Close does nothing.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	s.end()
	sockets := slices.Clone(s.sockets)
	s.touch()
	s.mu.Unlock()
	for _, k := range sockets {
		k.drop()
	}
	_ = s.http.Close()
	s.tasks.Wait()
}

// URL is what stands for https://slack.com: the Web API is at URL()+"/api/".
func (s *Server) URL() string { return s.base }

// APIURL is the address of the Web API, with the slash that clients want.
func (s *Server) APIURL() string { return s.base + "/api/" }

// Clock is the time of this Slack.
func (s *Server) Clock() *Clock { return s.clock }

// AdvanceClock moves the time of this Slack.
func (s *Server) AdvanceClock(d time.Duration) { s.clock.Advance(d) }

// touch wakes who waits for a change. The lock is held.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Await waits until cond is true. It is looked at after each change of this
// Slack, with no lock held.
func (s *Server) Await(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("what was waited for did not come; the last of this Slack's log:\n%s: %w", s.tail(20), ctx.Err())
		case <-changed:
		}
	}
}

// Revoke makes a token invalid; the app is told nothing.
func (s *Server) Revoke(name string) {
	s.change(func() {
		if t := s.tokens[name]; t != nil {
			t.invalid = "token_revoked"
		}
	})
}

// Uninstall takes the app out of the workspace: its tokens are of no use and
// its sockets end.
func (s *Server) Uninstall() {
	s.change(func() {
		for _, t := range s.tokens {
			t.invalid = "account_inactive"
		}
	})
	s.Disconnect("link_disabled")
}

// SetScopes makes scopes those of the bot token.
func (s *Server) SetScopes(scopes ...string) {
	s.change(func() { s.tokens[BotToken].scopes = slices.Clone(scopes) })
}

// nextTS makes a timestamp that no message has. The lock is held.
func (s *Server) nextTS() string {
	s.lastTS = max(s.lastTS+1, s.clock.Now().UnixMicro())
	return fmt.Sprintf("%010d.%06d", s.lastTS/1e6, s.lastTS%1e6)
}

// id makes one that is new. The lock is held.
func (s *Server) id(prefix string) string {
	s.made++
	return fmt.Sprintf("%s%07X", prefix, 0xE000000+s.made)
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it does not fail
	return hex.EncodeToString(b)
}

// encode is v in JSON. All that is encoded here can be.
func encode(v any) []byte {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return []byte("null")
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}
