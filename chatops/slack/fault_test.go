package slack_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/chatops/slack"
	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
	"github.com/firebreak-ops/firebreak/engine"
)

// quiet is a Slack without limits, whose faults a test makes.
func quiet(t testing.TB) *slacktest.Server {
	return slacktest.Start(t, slacktest.Config{Live: true, NoLimits: true})
}

// TestRestartBetween ends the process between the card and the click, which
// nobody hears then, and that comes to the next process: it finds its card.
func TestRestartBetween(t *testing.T) {
	o := newOffice(t, quiet(t), 1)
	p := o.open()
	o.start("r1", "")
	card := o.card("r1")
	p.kill()
	o.open()
	o.click(slacktest.Alice, card.TS, "rb.approve.v1")
	o.ended("r1")
	o.closed(card.TS)
	if n := o.count(slacktest.Containing("Approved: Put the setting right")); n != 1 {
		t.Errorf("there are %d cards", n)
	}
}

// TestRestartAtEveryPoint ends the process after each thing that it says to
// Slack or hears from there, from the question to the end of the run. Wherever
// that is, the next process finds its card, and what was decided is done once.
func TestRestartAtEveryPoint(t *testing.T) {
	points := 0
	for more := true; more; points++ {
		more = false // where it fails, too
		t.Run(fmt.Sprint(points), func(t *testing.T) { more = restartAt(t, points) })
	}
	if points < 5 {
		t.Errorf("there are %d points from the question to the end", points)
	}
}

// restartAt ends the process at one of the points, and reports whether there is
// such a one.
func restartAt(t *testing.T, n int) (there bool) {
	s := quiet(t)
	o := newOffice(t, s, 1)
	o.patient, o.pace = true, 50*time.Millisecond // this Slack has no limits
	o.open()
	from := len(s.Log())
	o.start("r1", "")
	restart := func(or func() bool) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		reached := func() bool { return len(s.Log()) > from+n }
		if err := s.Await(ctx, func() bool { return reached() || or() }); err != nil {
			t.Fatal(err)
		}
		if there = reached(); there {
			o.proc.kill()
			o.open()
		}
	}
	shown := func(text string) bool {
		return slices.ContainsFunc(s.Messages(slacktest.Incidents), slacktest.Containing(text))
	}
	restart(func() bool {
		return slices.ContainsFunc(s.Messages(slacktest.Incidents), func(m slacktest.Message) bool { return m.Has("rb.approve.v1") })
	})
	card := o.card("r1")
	pressed := []*slacktest.Delivery{o.try(slacktest.Alice, card.TS)}
	if !there {
		if restart(func() bool { return shown("Timeline") }); there {
			pressed = append(pressed, o.try(slacktest.Alice, card.TS)) // as people do when nothing happens
		}
	}
	o.heard(slacktest.Alice, card.TS, pressed...)
	o.ended("r1")
	o.closed(card.TS)
	o.wait("end", slacktest.Containing("Timeline"))
	decided := 0
	for _, rec := range o.records("r1") {
		if _, ok := rec.Event.(engine.QuestionDecided); ok {
			decided++
		}
	}
	if cards := o.count(slacktest.Containing("Approved: Put the setting right")); decided != 1 || o.actions("r1") != 1 || cards != 1 {
		t.Errorf("decided %d times, acted %d times, %d cards", decided, o.actions("r1"), cards)
	}
	return there
}

// TestLostAnswers loses the answer to each of the first posts: what was posted
// is found again, and not posted twice.
func TestLostAnswers(t *testing.T) {
	s := quiet(t)
	o := newOffice(t, s, 1)
	s.Fail("chat.postMessage", slacktest.Fault{Lost: true, Times: 2})
	o.open()
	o.start("r1", "")
	card := o.card("r1")
	o.click(slacktest.Alice, card.TS, "rb.approve.v1")
	o.ended("r1")
	o.closed(card.TS)
	o.wait("end", slacktest.Containing("Timeline"))
	if n := o.count(slacktest.Containing("Approved: Put the setting right")); n != 1 {
		t.Errorf("there are %d cards", n)
	}
}

// TestSlackFails has every kind of failure pass.
func TestSlackFails(t *testing.T) {
	for name, f := range map[string]slacktest.Fault{
		"limited": {RetryAfter: time.Second, Times: 2}, "broken": {Status: http.StatusInternalServerError, Times: 2}, "fatal": {Error: "fatal_error", Times: 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := quiet(t)
			o := newOffice(t, s, 1)
			s.Fail("chat.postMessage", f)
			o.open()
			o.start("r1", "")
			card := o.card("r1")
			s.Fail("chat.update", f)
			s.Fail("users.info", f)
			o.click(slacktest.Alice, card.TS, "rb.approve.v1")
			o.ended("r1")
			o.closed(card.TS)
			if st := o.proc.bot.Status(); !st.OK || st.Limited+st.Failed == 0 {
				t.Errorf("its health is %+v", st)
			}
		})
	}
}

// TestBlocksRefused shows what can be pressed when Slack does not take the
// card.
func TestBlocksRefused(t *testing.T) {
	s := quiet(t)
	o := newOffice(t, s, 1)
	s.Fail("chat.postMessage", slacktest.Fault{Error: "invalid_blocks"})
	o.open()
	o.start("r1", "")
	o.click(slacktest.Alice, o.card("r1").TS, "rb.approve.v1")
	o.ended("r1")
}

// TestChannelGone reaches people another way when the channel is gone: in the
// fallback, and one by one when there is none. What is decided then is shown
// wherever it was asked.
func TestChannelGone(t *testing.T) {
	t.Run("fallback", func(t *testing.T) {
		s := quiet(t)
		o := newOffice(t, s, 1)
		o.patient = true
		o.cfg.Channel, o.cfg.Fallback = slacktest.Prod, slacktest.Incidents
		s.SetScopes(slices.DeleteFunc(slacktest.AllScopes(), func(scope string) bool { return scope == "chat:write.public" })...)
		o.open() // the app is not in prod
		o.start("r1", "")
		o.click(slacktest.Alice, o.card("r1").TS, "rb.approve.v1")
		o.ended("r1")
		if st := o.proc.bot.Status(); st.OK || st.Lost[slacktest.Prod] != "not_in_channel" {
			t.Errorf("its health is %+v", st)
		}
	})
	t.Run("one by one", func(t *testing.T) {
		s := quiet(t)
		o := newOffice(t, s, 1)
		o.patient = true
		o.open()
		o.start("r0", "")
		o.card("r0")
		s.DeleteChannel(slacktest.Incidents)
		o.start("r1", "")
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		asked := func(m slacktest.Message) bool {
			return slacktest.Containing("r1")(m) && m.Has("rb.approve.v1")
		}
		for _, user := range []string{slacktest.Alice, slacktest.BobUser} {
			if _, err := s.WaitDirect(ctx, user, asked); err != nil {
				t.Fatal(err)
			}
		}
		m, err := s.WaitDirect(ctx, slacktest.BobUser, asked)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Click(slacktest.Click{User: slacktest.BobUser, Channel: m.Channel, TS: m.TS, Action: "rb.approve.v1"}); err != nil {
			t.Fatal(err)
		}
		o.ended("r1")
		for _, user := range []string{slacktest.Alice, slacktest.BobUser} {
			if _, err := s.WaitDirect(ctx, user, func(m slacktest.Message) bool {
				return strings.Contains(m.Render(), "approved by bob") && len(m.Buttons()) == 0
			}); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestRevoked takes the bot's token away, and the app out of the workspace: the
// health says so, and whoever reaches people another way hears which question
// reaches nobody.
func TestRevoked(t *testing.T) {
	for why, take := range map[string]func(s *slacktest.Server){
		"token_revoked":    func(s *slacktest.Server) { s.Revoke(slacktest.BotToken) },
		"account_inactive": func(s *slacktest.Server) { s.Uninstall() },
	} {
		t.Run(why, func(t *testing.T) {
			s := quiet(t)
			o := newOffice(t, s, 1)
			o.patient = true
			o.open()
			o.start("r0", "")
			o.card("r0") // all is well
			take(s)
			o.start("r1", "")
			o.eventually(func() bool {
				o.mu.Lock()
				defer o.mu.Unlock()
				return slices.ContainsFunc(o.unasked, func(u slack.Unasked) bool {
					return u.Run == "r1" && u.Role == "sre" && u.Question != "" && u.Why.Error() == why
				})
			})
			// That nobody can answer may have been known before anything was sent.
			o.eventually(func() bool {
				st := o.proc.bot.Status()
				return !st.OK && st.Error == why
			})
		})
	}
}

// TestDeaf takes the app's token away, and switches its sockets off: cards are
// posted, and nobody can answer them, so that whoever reaches people another way
// hears of what is open and of what comes.
func TestDeaf(t *testing.T) {
	for why, take := range map[string]func(s *slacktest.Server){
		"token_revoked":        func(s *slacktest.Server) { s.Revoke(slacktest.AppToken); s.Disconnect("refresh_requested") },
		"socket_mode_disabled": func(s *slacktest.Server) { s.Disconnect("link_disabled") },
	} {
		t.Run(why, func(t *testing.T) {
			s := quiet(t)
			o := newOffice(t, s, 1)
			o.patient = true
			o.open()
			o.start("r1", "")
			o.card("r1")
			take(s)
			unasked := func(run string) func() bool {
				return func() bool {
					o.mu.Lock()
					defer o.mu.Unlock()
					return slices.ContainsFunc(o.unasked, func(u slack.Unasked) bool {
						return u.Run == run && u.Role == "sre" && u.Why.Error() == why
					})
				}
			}
			o.eventually(unasked("r1"))
			o.start("r2", "")
			o.card("r2")
			o.eventually(unasked("r2"))
			if st := o.proc.bot.Status(); st.OK || st.Sockets != 0 || st.Socket != why {
				t.Errorf("its health is %+v", st)
			}
		})
	}
}

// eventually waits for what no message tells.
func (o *office) eventually(cond func() bool) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	for !cond() {
		select {
		case <-ctx.Done():
			o.t.Fatalf("it does not come; the health is %+v", o.proc.bot.Status())
		case <-time.After(time.Millisecond):
		}
	}
}

// TestHTTP goes through the other transport: what is signed counts, once.
func TestHTTP(t *testing.T) {
	s := quiet(t)
	o := newOffice(t, s, 1)
	o.patient = true // of what is no delivery
	o.cfg.AppToken, o.cfg.SigningSecret = "", slacktest.SigningSecret
	p := o.open()
	p.http = httptest.NewServer(p.bot)
	if err := s.UseHTTP(t.Context(), p.http.URL); err != nil {
		t.Fatal(err)
	}
	if code, err := s.SSLCheck(t.Context()); err != nil || code != http.StatusOK {
		t.Errorf("ssl_check: %d, %v", code, err)
	}
	o.start("r1", "")
	card := o.card("r1")
	s.TamperNext(func(r *http.Request) { r.Header.Set("X-Slack-Signature", "v0="+strings.Repeat("0", 64)) })
	o.click(slacktest.Alice, card.TS, "rb.approve.v1")
	if r := o.run("r1"); r.Ended() {
		t.Fatal("what nobody signed has counted")
	}
	o.command(slacktest.BobUser, "who")
	o.told(slacktest.BobUser, "You are bob")
	if code, err := s.Replay(t.Context()); err != nil || code != http.StatusConflict {
		t.Errorf("what was sent before is answered with %d, %v", code, err)
	}
	o.click(slacktest.BobUser, card.TS, "rb.approve.v1")
	o.ended("r1")
	o.closed(card.TS)
	for _, rec := range o.records("r1") {
		if e, ok := rec.Event.(engine.QuestionDecided); ok && (e.Via["transport"] != "http" || e.Via["ip"] == "") {
			t.Errorf("it came by %v", e.Via)
		}
	}
}

// TestHTTPRefused holds that what is too old, from the future, touched, unsigned
// or of another kind than it says is refused, and does nothing.
func TestHTTPRefused(t *testing.T) {
	s := quiet(t)
	o := newOffice(t, s, 1)
	o.patient = true
	o.cfg.AppToken, o.cfg.SigningSecret = "", slacktest.SigningSecret
	p := o.open()
	form := url.Values{"command": {"/runbook"}, "text": {"halt"}, "team_id": {slacktest.Team}, "user_id": {slacktest.Alice}, "channel_id": {slacktest.Incidents}, "trigger_id": {"1.2"}}.Encode()
	const formKind = "application/x-www-form-urlencoded"
	post := func(age time.Duration, kind, body, address string, touch func(h http.Header)) int {
		t.Helper()
		at := strconv.FormatInt(time.Now().Add(-age).Unix(), 10)
		mac := hmac.New(sha256.New, []byte(slacktest.SigningSecret))
		_, _ = fmt.Fprintf(mac, "v0:%s:%s", at, body)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
		r.Header = http.Header{"Content-Type": {kind}, "X-Slack-Request-Timestamp": {at}, "X-Slack-Signature": {"v0=" + hex.EncodeToString(mac.Sum(nil))}}
		if touch != nil {
			touch(r.Header)
		}
		w := httptest.NewRecorder()
		p.bot.ServeHTTP(w, r)
		return w.Code
	}
	press := "/v1/slack?payload=" + url.QueryEscape(`{"type":"block_actions"}`)
	for name, c := range map[string]struct {
		age                 time.Duration
		kind, body, address string
		touch               func(h http.Header)
		want                int
	}{
		"5:01 old":            {301 * time.Second, formKind, form, "/", nil, http.StatusUnauthorized},
		"from the future":     {-500 * time.Second, formKind, form, "/", nil, http.StatusUnauthorized},
		"without a signature": {0, formKind, form, "/", func(h http.Header) { h.Del("X-Slack-Signature") }, http.StatusUnauthorized},
		"without a time":      {0, formKind, form, "/", func(h http.Header) { h.Del("X-Slack-Request-Timestamp") }, http.StatusUnauthorized},
		"with another time":   {0, formKind, form, "/", func(h http.Header) { h.Set("X-Slack-Request-Timestamp", strconv.FormatInt(time.Now().Unix()-50, 10)) }, http.StatusUnauthorized},
		"a form as JSON":      {0, "application/json", form, "/", nil, http.StatusUnprocessableEntity},
		"a form as a text":    {0, "text/plain", form + "&x=1", "/", nil, http.StatusUnprocessableEntity},
		"JSON as a form":      {0, formKind, `{"type":"event_callback"}`, "/", nil, http.StatusUnprocessableEntity},
		"a form that is none": {0, formKind, "command=%zz", "/", nil, http.StatusUnprocessableEntity},
		"in the address":      {0, formKind, "x=1", press, nil, http.StatusUnprocessableEntity},
		"a certificate check": {0, formKind, form + "&ssl_check=1", "/", func(h http.Header) { h.Del("X-Slack-Signature") }, http.StatusOK},
	} {
		if code := post(c.age, c.kind, c.body, c.address, c.touch); code != c.want {
			t.Errorf("%s is answered with %d, and not %d", name, code, c.want)
		}
	}
	if st := p.bot.Status(); st.Heard != 0 {
		t.Errorf("%d of them were heard", st.Heard)
	}
	if code := post(200*time.Second, formKind, form, "/", nil); code != http.StatusOK {
		t.Errorf("what is three minutes old is answered with %d", code)
	}
	o.eventually(func() bool { return len(p.rt.Orders()) == 1 })
	other := strings.NewReplacer(slacktest.Team, "T0OTHER", "halt", "halt+--lift").Replace(form)
	if code := post(0, formKind, other, "/", nil); code != http.StatusOK {
		t.Errorf("what is of another workspace is answered with %d", code)
	}
	o.told(slacktest.Alice, "Accounts of other workspaces have no say here.")
	if len(p.rt.Orders()) != 1 {
		t.Error("it has lifted the halt")
	}
}

// TestChaos has many runs asked about while sockets drop, deliveries come
// twice, out of order and late, Slack limits and fails, and the process ends
// again and again. No decision is lost, made twice, or made by somebody who may
// not; and no card of a decided question can be pressed in the end.
func TestChaos(t *testing.T) {
	const runs, kills = 10, 3
	s := quiet(t)
	o := newOffice(t, s, 1)
	o.patient = true
	o.pace = 50 * time.Millisecond        // this Slack has no limits, and the end is waited for
	random := rand.New(rand.NewPCG(1, 2)) // the same in every run
	o.open()
	want := map[string]string{}
	pressed := map[string][]*slacktest.Delivery{} // by bob, by card
	for i := range runs {
		id := fmt.Sprintf("r%02d", i)
		o.start(id, "alice")
		card := o.card(id)
		switch random.IntN(5) {
		case 0:
			s.DropSocket()
		case 1:
			s.DuplicateNext()
		case 2:
			s.Fail("chat.update", slacktest.Fault{RetryAfter: time.Second})
		case 3:
			s.Fail("*", slacktest.Fault{Status: http.StatusBadGateway})
		case 4:
			s.Fail("chat.update", slacktest.Fault{Lost: true})
		}
		s.Hold()
		o.try(slacktest.Alice, card.TS) // who started it
		o.try(slacktest.Gus, card.TS)
		pressed[card.TS] = append(pressed[card.TS], o.try(slacktest.BobUser, card.TS))
		if random.IntN(2) == 0 {
			pressed[card.TS] = append(pressed[card.TS], o.try(slacktest.BobUser, card.TS))
		}
		s.Release(random.IntN(2) == 0)
		want[id] = "bob"
		if i%(runs/kills) == 1 {
			o.proc.kill()
			o.open()
			pressed[card.TS] = append(pressed[card.TS], o.try(slacktest.BobUser, card.TS)) // as people do when nothing happens
		}
	}
	s.Heal()
	for ts, all := range pressed {
		o.heard(slacktest.BobUser, ts, all...)
	}
	var ended sync.WaitGroup
	for id := range want {
		ended.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
			defer cancel()
			records, err := o.proc.rt.Watch(ctx, id, 1)
			if err != nil {
				t.Error(err)
				return
			}
			for range records {
			}
		})
	}
	ended.Wait()
	for id, by := range want {
		decided := []string{}
		for _, rec := range o.records(id) {
			if e, ok := rec.Event.(engine.QuestionDecided); ok {
				decided = append(decided, e.Choice+" by "+e.By)
			}
		}
		if len(decided) != 1 || decided[0] != "approve by "+by {
			t.Errorf("%s was decided %q", id, decided)
		}
		if r := o.run(id); r.Word != engine.Succeeded || o.actions(id) != 1 {
			t.Errorf("%s ended %q, and acted %d times", id, r.Word, o.actions(id))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	if err := s.Await(ctx, func() bool {
		for _, m := range s.Messages(slacktest.Incidents) {
			if m.Has("rb.approve.v1") {
				return false
			}
		}
		return true
	}); err != nil {
		for _, m := range s.Messages(slacktest.Incidents) {
			t.Logf("%s: %v: %.90q", m.TS, m.Has("rb.approve.v1"), m.Text)
		}
		t.Errorf("a card can still be pressed: %v", err)
	}
}
