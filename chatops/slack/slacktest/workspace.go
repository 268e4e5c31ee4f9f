package slacktest

import (
	"slices"
	"strings"
)

// User is an account, of a person or a bot.
type User struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
	// TeamID is another workspace's for people who come in through a shared
	// channel; empty is this one.
	TeamID      string `json:"team_id,omitempty"`
	Bot         bool   `json:"is_bot,omitempty"`
	Guest       bool   `json:"is_restricted,omitempty"`
	SingleGuest bool   `json:"is_ultra_restricted,omitempty"` // of one channel
	Deactivated bool   `json:"deleted,omitempty"`
	Unconfirmed bool   `json:"is_email_unconfirmed,omitempty"` // nobody has shown that the address is theirs
	botID       string
}

// Channel is a conversation.
type Channel struct {
	ID       string   `json:"id"`
	Name     string   `json:"name,omitempty"`
	Members  []string `json:"members,omitempty"` // ids of users
	Private  bool     `json:"is_private,omitempty"`
	Archived bool     `json:"is_archived,omitempty"`
	Shared   bool     `json:"is_ext_shared,omitempty"`
	with     string   // the user of a direct message with the app
}

func (ch *Channel) has(user string) bool { return slices.Contains(ch.Members, user) }

// Group is a user group, as in @sre-leads.
type Group struct {
	ID       string   `json:"id"`
	Handle   string   `json:"handle"`
	Name     string   `json:"name"`
	Members  []string `json:"users"` // ids of users
	Disabled bool     `json:"disabled,omitempty"`
}

// Workspace is what there is in a Slack besides the app.
type Workspace struct {
	Users    []User
	Channels []Channel
	Groups   []Group
}

// Ids in the workspace that stands where a test names none.
const (
	Team      = "T0FIREBREAK"
	App       = "A0FIREBREAK"
	BotUser   = "U0FIREBREAK"
	Bot       = "B0FIREBREAK"
	Alice     = "U0ALICE"
	BobUser   = "U0BOB"
	Carol     = "U0CAROL"
	Gus       = "U0GUS"  // a guest
	Olga      = "U0OLGA" // of another workspace
	Robot     = "U0ROBOT"
	Incidents = "C0INCIDENTS"
	Prod      = "C0PROD"  // the app is not in it
	Leads     = "G0LEADS" // private; the app is not in it
	SRELeads  = "S0LEADS"
	SREOnCall = "S0ONCALL"
)

// DefaultWorkspace has three people, a guest, a stranger and a bot, channels
// with and without the app, and two user groups.
func DefaultWorkspace() Workspace {
	return Workspace{
		Users: []User{
			{ID: Alice, Name: "alice", Email: "alice@example.com"},
			{ID: BobUser, Name: "bob", Email: "bob@example.com"},
			{ID: Carol, Name: "carol", Email: "carol@example.com"},
			{ID: Gus, Name: "gus", Email: "gus@example.net", Guest: true},
			{ID: Olga, Name: "olga", Email: "olga@example.org", TeamID: "T0OTHER"},
			{ID: Robot, Name: "robot", Bot: true},
		},
		Channels: []Channel{
			{ID: Incidents, Name: "incidents", Shared: true, Members: []string{BotUser, Alice, BobUser, Carol, Gus, Olga, Robot}},
			{ID: Prod, Name: "prod", Members: []string{Alice, BobUser}},
			{ID: Leads, Name: "leads", Private: true, Members: []string{Carol}},
		},
		Groups: []Group{
			{ID: SRELeads, Handle: "sre-leads", Name: "SRE leads", Members: []string{Carol}},
			{ID: SREOnCall, Handle: "sre-oncall", Name: "SRE on call", Members: []string{Alice, BobUser}},
		},
	}
}

func (s *Server) user(id string) *User {
	for i := range s.users {
		if s.users[i].ID == id {
			return &s.users[i]
		}
	}
	return nil
}

// channel finds a conversation by its id, or a channel by its name.
func (s *Server) channel(name string) *Channel {
	bare := strings.TrimPrefix(name, "#")
	for _, c := range s.channels {
		if c.ID == name || c.Name != "" && c.Name == bare {
			return c
		}
	}
	return nil
}

// direct is the direct message between the app and a user, made when it is
// first needed; nil where nobody has that id.
func (s *Server) direct(user string) *Channel {
	if s.user(user) == nil {
		return nil
	}
	for _, c := range s.channels {
		if c.with == user {
			return c
		}
	}
	c := &Channel{ID: "D" + strings.TrimLeft(user, "UW"), with: user, Private: true, Members: []string{BotUser, user}}
	s.channels = append(s.channels, c)
	return c
}

func (s *Server) group(id string) *Group {
	for i := range s.groups {
		if s.groups[i].ID == id {
			return &s.groups[i]
		}
	}
	return nil
}

// change does f to the workspace, and wakes who waits for a change.
func (s *Server) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.touch()
}

// Join puts a user into a channel.
func (s *Server) Join(channel, user string) {
	s.change(func() {
		if c := s.channel(channel); c != nil && !c.has(user) {
			c.Members = append(c.Members, user)
		}
	})
}

// Leave takes a user out of a channel.
func (s *Server) Leave(channel, user string) {
	s.change(func() {
		if c := s.channel(channel); c != nil {
			c.Members = slices.DeleteFunc(c.Members, func(m string) bool { return m == user })
		}
	})
}

// Archive closes a channel for good.
func (s *Server) Archive(channel string) {
	s.change(func() {
		if c := s.channel(channel); c != nil {
			c.Archived = true
		}
	})
}

// DeleteChannel takes a channel away with all that is in it.
func (s *Server) DeleteChannel(channel string) {
	s.change(func() {
		s.channels = slices.DeleteFunc(s.channels, func(c *Channel) bool { return c.ID == channel })
	})
}

// SetGroup makes members those of the user group with that id.
func (s *Server) SetGroup(id string, members ...string) {
	s.change(func() {
		if g := s.group(id); g != nil {
			g.Members = slices.Clone(members)
		}
	})
}

// SetUser replaces the account with the same id, or adds it.
func (s *Server) SetUser(u User) {
	s.change(func() {
		if old := s.user(u.ID); old != nil {
			*old = u
			return
		}
		s.users = append(s.users, u)
	})
}
