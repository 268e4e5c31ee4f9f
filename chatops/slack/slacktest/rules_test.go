package slacktest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
)

// What this Slack is strict about, rule by rule, with no SDK in between.

func TestBlockLimits(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{NoLimits: true})
	long := func(n int) string { return strings.Repeat("ü", n) }
	plain := func(n int) string { return `{"type":"plain_text","text":"` + long(n) + `"}` }
	section := func(n int) string { return `{"type":"section","text":{"type":"mrkdwn","text":"` + long(n) + `"}}` }
	button := func(text int, more string) string { return `{"type":"button","text":` + plain(text) + more + `}` }
	row := func(elements ...string) string {
		return `{"type":"actions","elements":[` + strings.Join(elements, ",") + `]}`
	}
	times := func(n int, what string) []string { return strings.Split(strings.Repeat(what+"\n", n-1)+what, "\n") }
	opts := func(n int) string {
		return `"options":[` + strings.Join(times(n, `{"text":{"type":"plain_text","text":"x"},"value":"v"}`), ",") + `]`
	}
	confirm := func(title, text int) string {
		return `,"confirm":{"title":` + plain(title) + `,"text":` + plain(text) + `,"confirm":` + plain(30) + `,"deny":` + plain(30) + `}`
	}
	for name, c := range map[string]struct{ fits, over, at string }{
		"blocks of a message":  {strings.Join(times(50, `{"type":"divider"}`), ","), strings.Join(times(51, `{"type":"divider"}`), ","), "/blocks]"},
		"text of a section":    {section(3000), section(3001), "/blocks/0/text/text]"},
		"empty text":           {section(1), section(0), "/blocks/0/text/text]"},
		"header":               {`{"type":"header","text":` + plain(150) + `}`, `{"type":"header","text":` + plain(151) + `}`, "/blocks/0/text/text]"},
		"markup in a header":   {`{"type":"header","text":` + plain(1) + `}`, `{"type":"header","text":{"type":"mrkdwn","text":"x"}}`, "/blocks/0/text/type]"},
		"fields":               {`{"type":"section","fields":[` + strings.Join(times(10, plain(2000)), ",") + `]}`, `{"type":"section","fields":[` + strings.Join(times(11, plain(1)), ",") + `]}`, "/blocks/0/fields]"},
		"a field":              {`{"type":"section","fields":[` + plain(2000) + `]}`, `{"type":"section","fields":[` + plain(2001) + `]}`, "/blocks/0/fields/0/text]"},
		"context":              {`{"type":"context","elements":[` + strings.Join(times(10, plain(1)), ",") + `]}`, `{"type":"context","elements":[` + strings.Join(times(11, plain(1)), ",") + `]}`, "/blocks/0/elements]"},
		"elements of actions":  {row(times(25, button(1, ""))...), row(times(26, button(1, ""))...), "/blocks/0/elements]"},
		"text of a button":     {row(button(75, "")), row(button(76, "")), "/blocks/0/elements/0/text/text]"},
		"value of a button":    {row(button(1, `,"value":"`+long(2000)+`"`)), row(button(1, `,"value":"`+long(2001)+`"`)), "/blocks/0/elements/0/value]"},
		"url of a button":      {row(button(1, `,"url":"`+long(3000)+`"`)), row(button(1, `,"url":"`+long(3001)+`"`)), "/blocks/0/elements/0/url]"},
		"label of a button":    {row(button(1, `,"accessibility_label":"`+long(75)+`"`)), row(button(1, `,"accessibility_label":"`+long(76)+`"`)), "/accessibility_label]"},
		"style of a button":    {row(button(1, `,"style":"danger"`)), row(button(1, `,"style":"red"`)), "/style]"},
		"action_id":            {row(button(1, `,"action_id":"`+long(255)+`"`)), row(button(1, `,"action_id":"`+long(256)+`"`)), "/action_id]"},
		"the same action_id":   {row(button(1, `,"action_id":"a"`), button(1, `,"action_id":"b"`)), row(button(1, `,"action_id":"a"`), button(1, `,"action_id":"a"`)), "/blocks/0]"},
		"block_id":             {`{"type":"divider","block_id":"` + long(255) + `"}`, `{"type":"divider","block_id":"` + long(256) + `"}`, "/blocks/0/block_id]"},
		"the same block_id":    {`{"type":"divider","block_id":"a"},{"type":"divider","block_id":"b"}`, `{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}`, "/blocks/1/block_id]"},
		"title of a confirm":   {row(button(1, confirm(100, 300))), row(button(1, confirm(101, 300))), "/confirm/title/text]"},
		"text of a confirm":    {row(button(1, confirm(100, 300))), row(button(1, confirm(100, 301))), "/confirm/text/text]"},
		"options of a select":  {row(`{"type":"static_select",` + opts(100) + `}`), row(`{"type":"static_select",` + opts(101) + `}`), "/options]"},
		"options of overflow":  {row(`{"type":"overflow",` + opts(5) + `}`), row(`{"type":"overflow",` + opts(6) + `}`), "/options]"},
		"radio buttons":        {row(`{"type":"radio_buttons",` + opts(10) + `}`), row(`{"type":"radio_buttons",` + opts(11) + `}`), "/options]"},
		"markdown":             {`{"type":"markdown","text":"` + long(12000) + `"}`, `{"type":"markdown","text":"` + long(6001) + `"},{"type":"markdown","text":"` + long(6000) + `"}`, "/blocks]"},
		"an unknown block":     {`{"type":"divider"}`, `{"type":"ruler"}`, "/blocks/0/type]"},
		"an unknown element":   {row(button(1, "")), row(`{"type":"lever"}`), "/blocks/0/elements/0/type]"},
		"a field too many":     {`{"type":"divider"}`, `{"type":"divider","text":"x"}`, "/blocks/0]"},
		"a section of nothing": {section(1), `{"type":"section"}`, "/blocks/0]"},
	} {
		post := func(blocks string) map[string]any {
			return call(t, s, slacktest.BotToken, "chat.postMessage", map[string]string{"channel": slacktest.Incidents, "text": "x", "blocks": "[" + blocks + "]"})
		}
		if res := post(c.fits); res["ok"] != true {
			t.Errorf("%s: what fits is refused: %v", name, res)
		}
		res := post(c.over)
		meta, _ := res["response_metadata"].(map[string]any)
		if res["error"] != "invalid_blocks" || !strings.Contains(fmt.Sprint(meta["messages"]), c.at) {
			t.Errorf("%s: %v, not invalid_blocks at %s", name, res, c.at)
		}
	}
}

func TestViewLimits(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	view := func(title int, more string) string {
		return `{"type":"modal","title":{"type":"plain_text","text":"` + strings.Repeat("x", title) + `"},"blocks":[{"type":"divider"}]` + more + `}`
	}
	for name, c := range map[string]struct {
		view string
		ok   bool
	}{
		"title fits":            {view(24, ""), true},
		"title":                 {view(25, ""), false},
		"private_metadata fits": {view(1, `,"private_metadata":"`+strings.Repeat("x", 3000)+`"`), true},
		"private_metadata":      {view(1, `,"private_metadata":"`+strings.Repeat("x", 3001)+`"`), false},
		"callback_id":           {view(1, `,"callback_id":"`+strings.Repeat("x", 256)+`"`), false},
		"submit":                {view(1, `,"submit":{"type":"plain_text","text":"`+strings.Repeat("x", 25)+`"}`), false},
		"no submit": {`{"type":"modal","title":{"type":"plain_text","text":"x"},"blocks":[{"type":"input","label":{"type":"plain_text","text":"x"},` +
			`"element":{"type":"plain_text_input"}}]}`, false},
	} {
		d, err := s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents})
		if err != nil {
			t.Fatal(err)
		}
		res := call(t, s, slacktest.BotToken, "views.open", map[string]string{"trigger_id": d.TriggerID, "view": c.view})
		if res["ok"] != c.ok {
			t.Errorf("%s: %v", name, res)
		}
	}
}

const anyView = `{"type":"modal","title":{"type":"plain_text","text":"x"},"blocks":[{"type":"divider"}]}`

func TestTriggers(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	trigger := func() string {
		d, err := s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents})
		if err != nil {
			t.Fatal(err)
		}
		return d.TriggerID
	}
	open := func(id string) any {
		return call(t, s, slacktest.BotToken, "views.open", map[string]string{"trigger_id": id, "view": anyView})["error"]
	}
	push := func(id string) any {
		return call(t, s, slacktest.BotToken, "views.push", map[string]string{"trigger_id": id, "view": anyView})["error"]
	}
	id := trigger()
	s.AdvanceClock(3 * time.Second)
	if got := open(id); got != nil {
		t.Errorf("after three seconds: %v", got)
	}
	if got := open(id); got != "exchanged_trigger_id" {
		t.Errorf("a second time: %v", got)
	}
	id = trigger()
	s.AdvanceClock(3*time.Second + time.Millisecond)
	if got := open(id); got != "expired_trigger_id" {
		t.Errorf("after more: %v", got)
	}
	for i, want := range []any{nil, nil, "push_limit_reached"} {
		if got := push(trigger()); got != want {
			t.Errorf("push %d: %v, not %v", i, got, want)
		}
	}
	v, _ := s.View(slacktest.Alice)
	if v.Depth != 3 {
		t.Errorf("%d modals lie open", v.Depth)
	}
	if got := call(t, s, slacktest.BotToken, "views.update", map[string]string{"view_id": v.ID, "hash": "old", "view": anyView})["error"]; got != "hash_conflict" {
		t.Errorf("an update of an old view: %v", got)
	}
}

func TestResponseURL(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	fresh := func() string {
		d, err := s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Prod})
		if err != nil {
			t.Fatal(err)
		}
		return d.ResponseURL
	}
	use := func(url, body string) int {
		resp, err := http.Post(url, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	u := fresh()
	for i := range 6 {
		want := http.StatusOK
		if i == 5 {
			want = http.StatusNotFound
		}
		if got := use(u, `{"text":"x"}`); got != want {
			t.Errorf("use %d: status %d", i+1, got)
		}
	}
	u = fresh()
	s.AdvanceClock(30 * time.Minute)
	if got := use(u, `{"text":"in time","response_type":"in_channel"}`); got != http.StatusOK {
		t.Errorf("after 30 minutes: status %d", got)
	}
	s.AdvanceClock(time.Second)
	if got := use(u, `{"text":"late"}`); got != http.StatusNotFound {
		t.Errorf("after more: status %d", got)
	}
	if all := s.Messages(slacktest.Prod); len(all) != 1 || all[0].Text != "in time" {
		t.Errorf("the channel, which the app is not in, shows %v", all)
	}
	if all := s.Ephemerals(slacktest.Prod, slacktest.Alice); len(all) != 5 {
		t.Errorf("alice sees %v", all)
	}
}

// dial opens a socket without an SDK.
func dial(t *testing.T, s *slacktest.Server) (*websocket.Conn, error) {
	t.Helper()
	url, _ := call(t, s, slacktest.AppToken, "apps.connections.open", nil)["url"].(string)
	return dialURL(t, url)
}

func dialURL(t *testing.T, url string) (*websocket.Conn, error) {
	t.Helper()
	conn, resp, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	if resp != nil && resp.Body != nil {
		_ = resp.Body.Close()
	}
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, nil
}

type frame struct {
	Type     string `json:"type"`
	Reason   string `json:"reason"`
	Envelope string `json:"envelope_id"`
	Open     int    `json:"num_connections"`
	Retry    int    `json:"retry_attempt"`
	Why      string `json:"retry_reason"`
}

func next(t *testing.T, conn *websocket.Conn) frame {
	t.Helper()
	var f frame
	if err := conn.ReadJSON(&f); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSockets(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	url, _ := call(t, s, slacktest.AppToken, "apps.connections.open", nil)["url"].(string)
	conn, err := dialURL(t, url)
	if err != nil {
		t.Fatal(err)
	}
	if f := next(t, conn); f.Type != "hello" || f.Open != 1 {
		t.Errorf("the first frame is %+v", f)
	}
	if _, err := dialURL(t, url); err == nil {
		t.Error("a URL was good for two sockets")
	}
	late, _ := call(t, s, slacktest.AppToken, "apps.connections.open", nil)["url"].(string)
	s.AdvanceClock(time.Minute)
	if _, err := dialURL(t, late); err == nil {
		t.Error("a URL was good for a minute")
	}
	for range 9 {
		other, err := dial(t, s)
		if err != nil {
			t.Fatal(err)
		}
		next(t, other)
	}
	s.AdvanceClock(time.Minute)
	if eleventh, err := dial(t, s); err != nil {
		t.Error(err)
	} else if f := next(t, eleventh); f.Type != "disconnect" || f.Reason != "too_many_websockets" {
		t.Errorf("the eleventh socket gets %+v", f)
	}
	if s.Sockets() != 10 {
		t.Errorf("%d sockets are open", s.Sockets())
	}
}

// TestEnvelopes: one goes to one socket; an acknowledgement counts over the
// same socket, small enough, and once.
func TestEnvelopes(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	frames := make(chan struct {
		conn *websocket.Conn
		frame
	}, 16)
	conns := map[*websocket.Conn]*websocket.Conn{}
	var both []*websocket.Conn
	for range 2 {
		conn, err := dial(t, s)
		if err != nil {
			t.Fatal(err)
		}
		next(t, conn)
		both = append(both, conn)
		go func() {
			for {
				var f frame
				if conn.ReadJSON(&f) != nil {
					return
				}
				frames <- struct {
					conn *websocket.Conn
					frame
				}{conn, f}
			}
		}()
	}
	conns[both[0]], conns[both[1]] = both[1], both[0]
	ack := func(conn *websocket.Conn, envelope, text string) {
		if err := conn.WriteJSON(map[string]any{"envelope_id": envelope, "payload": map[string]string{"text": text}}); err != nil {
			t.Fatal(err)
		}
	}
	logged := func(text string) {
		err := s.Await(t.Context(), func() bool {
			for _, e := range s.Log() {
				if strings.Contains(e.Text, text) {
					return true
				}
			}
			return false
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	d, err := s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents})
	if err != nil {
		t.Fatal(err)
	}
	got := <-frames
	ack(conns[got.conn], got.Envelope, "from the other")
	logged("over another socket")
	ack(got.conn, got.Envelope, strings.Repeat("x", 20<<10))
	logged("bytes are too many")
	ack(got.conn, got.Envelope, "well")
	if reply := settle(t, d, nil); reply.Attempts != 1 {
		t.Errorf("it took %d attempts", reply.Attempts)
	}
	ack(got.conn, got.Envelope, "again")
	logged("is not open")
	if all := s.Ephemerals(slacktest.Incidents, slacktest.Alice); len(all) != 1 || all[0].Text != "well" {
		t.Errorf("alice sees %v", all)
	}
	select {
	case more := <-frames:
		t.Errorf("the other socket got %+v", more)
	default:
	}

	// A command that nobody acknowledges is not sent again.
	d, err = s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents})
	if err != nil {
		t.Fatal(err)
	}
	<-frames
	s.AdvanceClock(3 * time.Second)
	if reply, err := d.Wait(t.Context()); err != nil || reply.Error != "operation_timeout" || reply.Attempts != 1 {
		t.Errorf("%+v, %v", reply, err)
	}

	// An event is, three times more.
	_, d, err = s.Say(slacktest.Say{User: slacktest.Alice, Text: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i, pause := range []time.Duration{0, 0, time.Minute, 5 * time.Minute} {
		s.AdvanceClock(pause)
		f := <-frames
		if f.Retry != i || seen[f.Envelope] || i > 0 && f.Why != "timeout" {
			t.Errorf("attempt %d is %+v", i, f.frame)
		}
		seen[f.Envelope] = true
		s.AdvanceClock(3 * time.Second)
	}
	if reply, err := d.Wait(t.Context()); err != nil || reply.Error != "operation_timeout" || reply.Attempts != 4 {
		t.Errorf("%+v, %v", reply, err)
	}

	// A half-open socket stays, and hears nothing.
	s.HalfOpen()
	s.HalfOpen()
	if _, err = s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents}); err != nil {
		t.Fatal(err)
	}
	if s.Sockets() != 2 {
		t.Errorf("%d sockets are open", s.Sockets())
	}

	for s.DropSocket() {
	}
	d, err = s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents})
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := d.Wait(t.Context()); err != nil || reply.Error != "dispatch_failed" {
		t.Errorf("with nobody connected: %+v, %v", reply, err)
	}
	s.Disconnect("link_disabled")
	if res := call(t, s, slacktest.AppToken, "apps.connections.open", nil); res["ok"] != false {
		t.Errorf("with Socket Mode switched off: %v", res)
	}
}

// webhook is a request URL that answers as the test says.
type webhook struct {
	mu     sync.Mutex
	seen   []*http.Request
	bodies []string
	answer func(n int, w http.ResponseWriter, r *http.Request)
}

func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var outer struct{ Type, Challenge string }
	if json.Unmarshal(body, &outer) == nil && outer.Type == "url_verification" {
		_, _ = io.WriteString(w, outer.Challenge)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	h.mu.Lock()
	h.seen, h.bodies = append(h.seen, r), append(h.bodies, string(body))
	n := len(h.seen)
	h.mu.Unlock()
	h.answer(n, w, r)
}

func (h *webhook) start(t *testing.T, s *slacktest.Server) {
	t.Helper()
	web := httptest.NewServer(h)
	t.Cleanup(web.Close)
	if err := s.UseHTTP(t.Context(), web.URL); err != nil {
		t.Fatal(err)
	}
}

func TestHTTPRetries(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	h := &webhook{answer: func(n int, w http.ResponseWriter, _ *http.Request) {
		if n < 3 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}}
	h.start(t, s)
	_, d, err := s.Say(slacktest.Say{User: slacktest.Alice, Text: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	sent := func(n int) func() bool {
		return func() bool {
			failures := 0
			for _, e := range s.Log() {
				if e.Kind == "delivery" {
					failures++
				}
			}
			return failures == n
		}
	}
	if err := s.Await(t.Context(), sent(2)); err != nil { // the second comes at once
		t.Fatal(err)
	}
	s.AdvanceClock(time.Minute)
	if reply := settle(t, d, nil); reply.Attempts != 3 {
		t.Errorf("it took %d attempts", reply.Attempts)
	}
	last := h.seen[2].Header
	if last.Get("X-Slack-Retry-Num") != "2" || last.Get("X-Slack-Retry-Reason") != "http_error" || h.bodies[2] != h.bodies[0] {
		t.Errorf("the third has the headers %v", last)
	}

	h.answer = func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Slack-No-Retry", "1")
		w.WriteHeader(http.StatusInternalServerError)
	}
	_, d, err = s.Say(slacktest.Say{User: slacktest.Alice, Text: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := d.Wait(t.Context()); err != nil || reply.Attempts != 1 || reply.Error != "http_service_error" {
		t.Errorf("with X-Slack-No-Retry: %+v, %v", reply, err)
	}
}

func TestHTTPDeadline(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	arrived := make(chan struct{})
	h := &webhook{answer: func(_ int, _ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}}
	h.start(t, s)
	d, err := s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents})
	if err != nil {
		t.Fatal(err)
	}
	<-arrived
	s.AdvanceClock(3 * time.Second)
	if reply, err := d.Wait(t.Context()); err != nil || reply.Error != "operation_timeout" {
		t.Errorf("%+v, %v", reply, err)
	}
}

// TestSignatures: what comes from this Slack passes a verifier that nobody
// here wrote; what was touched does not; a replay is to the byte.
func TestSignatures(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	verified := make(chan error, 1)
	h := &webhook{answer: func(_ int, _ http.ResponseWriter, r *http.Request) {
		v, err := slack.NewSecretsVerifier(r.Header, slacktest.SigningSecret)
		if err == nil {
			_, _ = io.Copy(&v, r.Body)
			err = v.Ensure()
		}
		verified <- err
	}}
	h.start(t, s)
	command := func() {
		t.Helper()
		if _, err := s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents, Text: `a "b" & <c> ü`}); err != nil {
			t.Fatal(err)
		}
	}
	command()
	if err := <-verified; err != nil {
		t.Error(err)
	}
	s.TamperNext(func(r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader("command=/runbook&text=halt"))
		r.ContentLength = 26
	})
	command()
	if err := <-verified; err == nil {
		t.Error("a body that was touched is signed")
	}
	if _, err := s.Replay(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-verified; err != nil {
		t.Error(err)
	}
	h.mu.Lock()
	n := len(h.seen)
	same := h.seen[n-1].Header.Get("X-Slack-Signature") == h.seen[n-2].Header.Get("X-Slack-Signature")
	h.mu.Unlock()
	if !same {
		t.Error("the replay is signed anew")
	}
	if status, err := s.SSLCheck(context.WithoutCancel(t.Context())); status != http.StatusOK || err != nil || <-verified == nil {
		t.Errorf("ssl_check: %d, %v, or it is signed", status, err)
	}
}

func TestFaults(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	args := map[string]string{"channel": slacktest.Incidents, "text": "x"}
	s.Fail("chat.postMessage", slacktest.Fault{Lost: true})
	b := slack.New(slacktest.BotToken, slack.OptionAPIURL(s.APIURL()))
	if _, _, err := b.PostMessage(slacktest.Incidents, slack.MsgOptionText("x", false)); err == nil {
		t.Error("an answer that was lost came")
	}
	if all := s.Messages(slacktest.Incidents); len(all) != 1 {
		t.Errorf("the channel shows %v", all)
	}
	s.Fail("*", slacktest.Fault{Error: "internal_error", Times: 2})
	for _, want := range []any{"internal_error", "internal_error", nil} {
		if got := call(t, s, slacktest.BotToken, "chat.postMessage", args)["error"]; got != want {
			t.Errorf("%v, not %v", got, want)
		}
	}
	s.Fail("chat.postMessage", slacktest.Fault{Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, _, err := b.PostMessageContext(ctx, slacktest.Incidents, slack.MsgOptionText("x", false))
		ended <- err
	}()
	err := s.Await(t.Context(), func() bool { return s.Calls("chat.postMessage") == 4 })
	cancel()
	if got := <-ended; got == nil || err != nil {
		t.Errorf("a call that hangs ended with %v, %v", got, err)
	}
	s.Uninstall()
	if got := call(t, s, slacktest.BotToken, "auth.test", nil)["error"]; got != "account_inactive" {
		t.Errorf("after it was taken out: %v", got)
	}
}

// TestPeople holds what nobody could do in Slack's client.
func TestPeople(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{Escape: true})
	type command = slacktest.Command
	for name, c := range map[string]command{
		"a command in a thread":       {User: slacktest.Alice, Channel: slacktest.Incidents, Thread: "1.1"},
		"a command that is not there": {User: slacktest.Alice, Channel: slacktest.Incidents, Command: "/other"},
		"a guest elsewhere":           {User: slacktest.Gus, Channel: slacktest.Prod},
		"a private channel":           {User: slacktest.Alice, Channel: slacktest.Leads},
		"nobody":                      {User: "U0NONE", Channel: slacktest.Incidents},
	} {
		if _, err := s.Command(c); err == nil {
			t.Errorf("%s went through", name)
		}
	}
	if _, err := s.Click(slacktest.Click{User: slacktest.Alice, Channel: slacktest.Incidents, Action: "none"}); err == nil {
		t.Error("a button was clicked that is not there")
	}
	if _, err := s.Submit(slacktest.Submit{User: slacktest.Alice}); err == nil {
		t.Error("a modal was sent that is not open")
	}
	s.Archive(slacktest.Incidents)
	if got := call(t, s, slacktest.BotToken, "chat.postMessage", map[string]string{"channel": slacktest.Incidents, "text": "x"})["error"]; got != "is_archived" {
		t.Errorf("an archived channel: %v", got)
	}
	s.SetScopes("chat:write")
	if got := call(t, s, slacktest.BotToken, "chat.postMessage", map[string]string{"channel": slacktest.Prod, "text": "x"})["error"]; got != "not_in_channel" {
		t.Errorf("a channel that the app is not in: %v", got)
	}
}

// TestReorder: what is held back comes in the order that the test wants.
func TestReorder(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{})
	conn, err := dial(t, s)
	if err != nil {
		t.Fatal(err)
	}
	next(t, conn)
	s.Hold()
	for range 2 {
		if _, err := s.Command(slacktest.Command{User: slacktest.Alice, Channel: slacktest.Incidents}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Say(slacktest.Say{User: slacktest.Alice, Text: "hello"}); err != nil {
			t.Fatal(err)
		}
	}
	s.Release(true)
	if a, b := next(t, conn), next(t, conn); a.Type != "events_api" || b.Type != "slash_commands" {
		t.Errorf("first came %s, then %s", a.Type, b.Type)
	}
}

// TestLive: time passes by itself.
func TestLive(t *testing.T) {
	s := slacktest.Start(t, slacktest.Config{Live: true})
	for start := s.Clock().Now(); !s.Clock().Now().After(start); {
		runtime.Gosched()
	}
}
