package slacktest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
)

// bot is an app in slack-go. It answers commands with a card, clicks with the
// end of the card, "open" with a modal, and mentions with a reaction.
type bot struct {
	*slack.Client
	t    *testing.T
	mu   sync.Mutex
	seen []string // event ids

	close chan struct{} // closed when a modal was
}

func newBot(t *testing.T, s *slacktest.Server) *bot {
	return &bot{t: t, close: make(chan struct{}), Client: slack.New(slacktest.BotToken, slack.OptionAppLevelToken(slacktest.AppToken), slack.OptionAPIURL(s.APIURL()))}
}

const approve = "test.approve"

func card(text string, buttons bool) slack.MsgOption {
	blocks := []slack.Block{slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, text, false, false), nil, nil)}
	if buttons {
		b := slack.NewButtonBlockElement(approve, "a-1", slack.NewTextBlockObject(slack.PlainTextType, "Approve", false, false))
		blocks = append(blocks, slack.NewActionBlock("votes", b))
	}
	return slack.MsgOptionCompose(slack.MsgOptionText(text, false), slack.MsgOptionBlocks(blocks...))
}

func modal() slack.ModalViewRequest {
	plain := func(s string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: "deny", Title: plain("Deny"), Submit: plain("Deny"), NotifyOnClose: true,
		Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewInputBlock("why", plain("Reason"), nil, slack.NewPlainTextInputBlockElement(nil, "reason")),
		}},
	}
}

// command is what the app answers to a command.
func (b *bot) command(c slack.SlashCommand) any {
	if c.Text == "open" {
		if _, err := b.OpenView(c.TriggerID, modal()); err != nil {
			b.t.Errorf("views.open: %v", err)
		}
		return nil
	}
	if _, _, err := b.PostMessage(c.ChannelID, card("Approve "+c.Text+"?", true)); err != nil {
		b.t.Errorf("chat.postMessage: %v", err)
	}
	return map[string]any{"text": "Asked."}
}

// interaction is what the app answers to a click or a modal.
func (b *bot) interaction(i slack.InteractionCallback) any {
	switch i.Type {
	case slack.InteractionTypeBlockActions:
		text := "Approved by <@" + i.User.ID + ">"
		if _, _, _, err := b.UpdateMessage(i.Channel.ID, i.Message.Timestamp, card(text, false)); err != nil {
			b.t.Errorf("chat.update: %v", err)
		}
		if _, _, err := b.PostMessage("", slack.MsgOptionResponseURL(i.ResponseURL, slack.ResponseTypeEphemeral), slack.MsgOptionText("Thank you.", false)); err != nil {
			b.t.Errorf("response_url: %v", err)
		}
	case slack.InteractionTypeViewClosed:
		close(b.close)
	case slack.InteractionTypeViewSubmission:
		if i.View.State.Values["why"]["reason"].Value == "no" {
			return slack.NewErrorsViewSubmissionResponse(map[string]string{"why": "Say more."})
		}
	}
	return nil
}

func (b *bot) event(raw json.RawMessage) {
	e, err := slackevents.ParseEvent(raw, slackevents.OptionNoVerifyToken())
	if err != nil {
		b.t.Errorf("event: %v", err)
		return
	}
	outer, ok := e.Data.(*slackevents.EventsAPICallbackEvent)
	if !ok {
		b.t.Errorf("event: %T", e.Data)
		return
	}
	b.mu.Lock()
	b.seen = append(b.seen, outer.EventID)
	b.mu.Unlock()
	if m, ok := e.InnerEvent.Data.(*slackevents.AppMentionEvent); ok {
		err := b.AddReaction("eyes", slack.NewRefToMessage(m.Channel, m.TimeStamp))
		if err != nil && err.Error() != "already_reacted" {
			b.t.Errorf("reactions.add: %v", err)
		}
	}
}

// connect runs the app over one socket of Socket Mode until the test ends.
func (b *bot) connect(s *slacktest.Server) {
	before := s.Sockets()
	sm := socketmode.New(b.Client, socketmode.OptionLog(log.New(io.Discard, "", 0)))
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	b.t.Cleanup(func() { cancel(); tasks.Wait() })
	tasks.Go(func() { _ = sm.RunContext(ctx) })
	tasks.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-sm.Events:
				b.handle(sm, e)
			}
		}
	})
	if err := s.Await(b.t.Context(), func() bool { return s.Sockets() > before }); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bot) handle(sm *socketmode.Client, e socketmode.Event) {
	var answer any
	switch data := e.Data.(type) {
	case slack.SlashCommand:
		answer = b.command(data)
	case slack.InteractionCallback:
		answer = b.interaction(data)
	case slackevents.EventsAPIEvent:
		b.event(e.Request.Payload)
	case *socketmode.ErrorBadMessage:
		b.t.Errorf("slack-go does not understand: %v", data.Cause)
	}
	if e.Request == nil || e.Request.EnvelopeID == "" {
		return
	}
	var err error
	if answer == nil {
		err = sm.Ack(*e.Request)
	} else {
		err = sm.Ack(*e.Request, answer)
	}
	if err != nil {
		b.t.Errorf("ack: %v", err)
	}
}

// ServeHTTP is the app's request URL.
func (b *bot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	verifier, err := slack.NewSecretsVerifier(r.Header, slacktest.SigningSecret)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	body, _ := io.ReadAll(io.TeeReader(r.Body, &verifier))
	if err := verifier.Ensure(); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	var answer any
	form, _ := url.ParseQuery(string(body))
	switch {
	case r.Header.Get("Content-Type") == "application/json":
		var outer struct{ Type, Challenge string }
		_ = json.Unmarshal(body, &outer)
		if outer.Type == "url_verification" {
			_, _ = io.WriteString(w, outer.Challenge)
			return
		}
		b.event(body)
	case form.Get("ssl_check") == "1":
	case form.Get("command") != "":
		c, err := slack.SlashCommandParse(r)
		if err != nil {
			b.t.Errorf("command: %v", err)
		}
		answer = b.command(c)
	default:
		var i slack.InteractionCallback
		if err := json.Unmarshal([]byte(form.Get("payload")), &i); err != nil {
			b.t.Errorf("interaction: %v", err)
		}
		answer = b.interaction(i)
	}
	if answer != nil {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// listen runs the app behind a request URL until the test ends.
func (b *bot) listen(s *slacktest.Server) {
	web := httptest.NewServer(b)
	b.t.Cleanup(web.Close)
	if err := s.UseHTTP(b.t.Context(), web.URL); err != nil {
		b.t.Fatal(err)
	}
}

func settle(t *testing.T, d *slacktest.Delivery, err error) slacktest.Reply {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	reply, err := d.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if reply.Error != "" {
		t.Fatalf("the app got %s", reply.Error)
	}
	return reply
}

// app is what a test of both transports wants of an app.
type app interface {
	events(n int) []string // waits for n, and is the ids of those it has got
	closed()               // waits until it knows that a modal was closed
}

func (b *bot) events(int) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.seen)
}

func (b *bot) closed() { <-b.close }

var apps = map[string]func(t *testing.T, s *slacktest.Server) app{
	"slack-go over a socket": func(t *testing.T, s *slacktest.Server) app { b := newBot(t, s); b.connect(s); return b },
	"slack-go over HTTP":     func(t *testing.T, s *slacktest.Server) app { b := newBot(t, s); b.listen(s); return b },
	"Bolt over a socket":     boltSocket,
	"Bolt over HTTP":         boltHTTP,
}

// withApps runs a test with apps in slack-go and Bolt, over both transports.
func withApps(t *testing.T, test func(t *testing.T, s *slacktest.Server, a app)) {
	for name, start := range apps {
		t.Run(name, func(t *testing.T) {
			s := slacktest.Start(t, slacktest.Config{})
			test(t, s, start(t, s))
		})
	}
}

// TestCommandAndClick also holds the apps to each other: for this Slack there
// is no difference between them.
func TestCommandAndClick(t *testing.T) {
	logs := map[string]string{} // by transport, of the app that came first
	withApps(t, func(t *testing.T, s *slacktest.Server, _ app) {
		d, err := s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents, Text: "run x"})
		settle(t, d, err)
		if got := s.Ephemerals(slacktest.Incidents, slacktest.Alice); len(got) != 1 || got[0].Text != "Asked." {
			t.Errorf("alice was answered %v", got)
		}
		d, err = s.Click(slacktest.Click{User: slacktest.BobUser, Channel: slacktest.Incidents, Action: approve})
		settle(t, d, err)
		all := s.Messages(slacktest.Incidents)
		if len(all) != 1 || all[0].Render() != "Approved by <@"+slacktest.BobUser+">" || len(all[0].Buttons()) != 0 {
			t.Errorf("the channel shows %v", all)
		}
		if got := s.Ephemerals(slacktest.Incidents, slacktest.BobUser); len(got) != 1 || got[0].Text != "Thank you." {
			t.Errorf("bob was answered %v", got)
		}
		if _, err := s.Click(slacktest.Click{User: slacktest.Carol, Channel: slacktest.Incidents, Action: approve}); err == nil {
			t.Error("a button was clicked that is gone")
		}
		d, err = s.Click(slacktest.Click{User: slacktest.Carol, Channel: slacktest.Incidents, Action: approve, Stale: true})
		settle(t, d, err)
		var lines []string
		for _, e := range s.Log() {
			if strings.HasPrefix(e.Kind, "response") {
				e.Name = "" // it is random
			}
			if e.Name != "auth.test" && e.Name != "apps.connections.open" && e.Name != "hello" { // each begins as it likes
				lines = append(lines, e.Kind+" "+e.Name+" "+e.Text)
			}
		}
		_, transport, _ := strings.Cut(t.Name(), "_over_")
		got := strings.Join(lines, "\n")
		if want, ran := logs[transport]; ran && got != want {
			t.Errorf("this app was seen to do\n%s\nand the other\n%s", got, want)
		}
		logs[transport] = got
	})
}

func TestModal(t *testing.T) {
	withApps(t, func(t *testing.T, s *slacktest.Server, a app) {
		d, err := s.Command(slacktest.Command{User: slacktest.Carol, Channel: slacktest.Incidents, Text: "open"})
		settle(t, d, err)
		d, err = s.Dismiss(slacktest.Carol)
		settle(t, d, err)
		a.closed()
		d, err = s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents, Text: "open"})
		settle(t, d, err)
		if v, open := s.View(slacktest.Alice); !open || v.CallbackID != "deny" {
			t.Fatalf("alice sees %v, %t", v, open)
		}
		if _, err := s.Submit(slacktest.Submit{User: slacktest.Alice}); err == nil {
			t.Error("a required field was left empty")
		}
		d, err = s.Submit(slacktest.Submit{User: slacktest.Alice, Values: map[string]string{"reason": "no"}})
		settle(t, d, err)
		if v, _ := s.View(slacktest.Alice); v.Errors["why"] != "Say more." {
			t.Errorf("the modal shows %v", v)
		}
		d, err = s.Submit(slacktest.Submit{User: slacktest.Alice, Values: map[string]string{"reason": "not at peak"}})
		settle(t, d, err)
		if v, open := s.View(slacktest.Alice); open {
			t.Errorf("the modal is still open: %v", v)
		}
	})
}

func TestEventsComeAgain(t *testing.T) {
	withApps(t, func(t *testing.T, s *slacktest.Server, a app) {
		s.DuplicateNext()
		m, d, err := s.Say(slacktest.Say{User: slacktest.Alice, Channel: slacktest.Incidents, Text: "@firebreak status"})
		settle(t, d, err)
		if !strings.HasPrefix(m.Text, "<@"+slacktest.BotUser+">") {
			t.Errorf("the mention is %q", m.Text)
		}
		reacted := func() bool {
			all := s.Messages(slacktest.Incidents)
			return len(all[0].Reactions) == 1 && s.Calls("reactions.add") == 2
		}
		if err := s.Await(t.Context(), reacted); err != nil {
			t.Fatal(err)
		}
		if got := a.events(2); !slices.Equal(got, []string{d.EventID, d.EventID}) {
			t.Errorf("the app got %v", got)
		}
	})
}

func TestErrorsReachTheClient(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	b := newBot(t, s)
	stranger := slack.New("xoxb-no", slack.OptionAPIURL(s.APIURL()))
	post := func(c *slack.Client, channel string) error {
		_, _, err := c.PostMessage(channel, slack.MsgOptionText("x", false))
		return err
	}
	for name, c := range map[string]struct {
		do   func() error
		want string
	}{
		"a wrong token":   {func() error { return post(stranger, slacktest.Incidents) }, "invalid_auth"},
		"no such channel": {func() error { return post(b.Client, "C0NONE") }, "channel_not_found"},
		"a private one":   {func() error { return post(b.Client, slacktest.Leads) }, "channel_not_found"},
		"a spent trigger": {func() error { _, err := b.OpenView("1.2.3", modal()); return err }, "invalid_trigger_id"},
		"an unknown user": {func() error { _, err := b.GetUserInfo("U0NONE"); return err }, "user_not_found"},
		"somebody else's": {func() error { _, err := b.GetUserByEmail("olga@example.org"); return err }, "users_not_found"},
		"the app's token": {func() error {
			return post(slack.New(slacktest.AppToken, slack.OptionAPIURL(s.APIURL())), slacktest.Incidents)
		}, "not_allowed_token_type"},
		"a message that is not": {func() error {
			_, _, _, err := b.UpdateMessage(slacktest.Incidents, "1.1", slack.MsgOptionText("x", false))
			return err
		}, "message_not_found"},
	} {
		if err := c.do(); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, not %s", name, err, c.want)
		}
	}
	s.SetScopes("users:read")
	var scope slack.SlackErrorResponse
	if err := post(b.Client, slacktest.Incidents); !errors.As(err, &scope) || scope.Err != "missing_scope" || scope.Needed != "chat:write" || scope.Provided != "users:read" {
		t.Errorf("without the scope: %#v", err)
	}
	s.Revoke(slacktest.BotToken)
	if err := post(b.Client, slacktest.Incidents); err == nil || err.Error() != "token_revoked" {
		t.Errorf("with a revoked token: %v", err)
	}
}

func TestRateLimits(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	b := newBot(t, s)
	post := func() error {
		_, _, err := b.PostMessage(slacktest.Incidents, slack.MsgOptionText("x", false))
		return err
	}
	sent := 0
	var limited *slack.RateLimitedError
	for ; sent < 100 && limited == nil; sent++ {
		if err := post(); err != nil && !errors.As(err, &limited) {
			t.Fatal(err)
		}
	}
	if limited == nil || limited.RetryAfter != time.Second {
		t.Fatalf("after %d messages to a channel at one time: %v", sent, limited)
	}
	s.AdvanceClock(limited.RetryAfter)
	if err := post(); err != nil {
		t.Errorf("after the pause: %v", err)
	}
}
