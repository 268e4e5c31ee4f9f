package intake_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func (d *desk) wants(want ...string) {
	d.t.Helper()
	got := d.decide()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		d.t.Errorf("it came to %q, not %q", got, want)
	}
}

// TestOnce holds that an alert that comes again starts nothing again, by
// whatever way and however often it comes.
func TestOnce(t *testing.T) {
	d := newDesk(t)
	d.send("Full api f1 firing 58", "Full api f1 firing 58")
	d.wants("Full: started")
	d.send("Full api f1 firing 58")
	d.wants()
	if d.runs.starts != 1 || d.outcomes()[0].Times != 3 {
		t.Errorf("%d starts, %+v", d.runs.starts, d.outcomes())
	}
	d.send("Full api f1 resolved 58", "Full api f1 firing 58") // the second overtook the first
	d.wants()
	d.runs.ended["full-1"] = d.now
	d.now = d.now.Add(20 * time.Minute)
	d.send("Full api f1 firing 59") // it began again
	d.wants("Full: started")
}

// TestStorm holds that alerts of one cause are one run, and others others.
func TestStorm(t *testing.T) {
	d := newDesk(t)
	var all []string
	for i := range 1200 { // more than are decided at once
		all = append(all, fmt.Sprintf("Full api f%d firing 58", i))
	}
	d.send(all...)
	d.send("Full db g1 firing 58", "Slow api g2 firing 58")
	said := d.decide()
	counts := map[string]int{}
	for _, s := range said {
		counts[s]++
	}
	if d.runs.starts != 3 || counts["Full: joined"] != 1199 || len(said) != 1202 {
		t.Errorf("%d starts, %v", d.runs.starts, counts)
	}
}

func TestUnanswered(t *testing.T) {
	d := newDesk(t)
	d.send("None api f1 firing 58", "Both api f2 firing 58")
	d.runs.fail = errors.New("no service api")
	d.runs.lasting = true
	d.send("Slow api f3 firing 58")
	d.wants("None: unmatched", "Both: ambiguous", "Slow: failed")
	d.runs.fail = nil
	d.send("Slow api f3 firing 58") // the repeated delivery is another chance
	d.wants("Slow: started")
	d.send("None api f1 resolved 58")
	d.wants()
	d.send("None api f1 firing 58") // late, and over
	d.wants()
}

// TestTriedAgain holds that a run which cannot begin is tried to begin again by
// itself, less often each time and not for ever, and begins once.
func TestTriedAgain(t *testing.T) {
	d := newDesk(t)
	d.runs.fail = errors.New("the plugin is gone")
	d.send("Slow api f1 firing 58", "Full api f2 firing 58", "Full db f3 firing 58")
	d.wants("Slow: retrying", "Full: retrying", "Full: retrying")
	d.wants() // its time has not come
	pause := time.Second
	for range 3 {
		d.now = d.now.Add(pause - time.Millisecond)
		d.wants()
		d.now = d.now.Add(time.Millisecond)
		d.wants("Slow: retrying", "Full: retrying", "Full: retrying")
		pause *= 2
	}
	d.send("Full api f2 resolved 58")
	d.runs.fail = nil
	d.send("Full db f3 firing 58") // it is sent again before its time
	d.wants("Full: started")
	d.runs.fail = errors.New("the plugin is gone again")
	d.now = d.now.Add(pause)
	d.wants("Slow: retrying", "Full: over")
	d.now = d.now.Add(2 * pause)
	d.wants("Slow: failed")
	d.now = d.now.Add(time.Hour)
	d.wants()
	if d.runs.starts != 1 {
		t.Errorf("%d starts", d.runs.starts)
	}
}

// TestTriedByItself holds that nobody has to say that the time has come.
func TestTriedByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.clock = time.Now
		d.runs.fail = errors.New("the plugin is gone")
		d.send("Slow api f1 firing 58")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		for i := range 6 {
			want := "Slow: retrying"
			if i == 5 {
				want = "Slow: failed"
			}
			if got := <-d.said; got != want {
				t.Errorf("try %d came to %q, not %q", i+1, got, want)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestDeliveredAgain holds that a delivery of PagerDuty is taken once, by its
// own id or by that of its event, over restarts, and not when it is so old that
// nobody could tell.
func TestDeliveredAgain(t *testing.T) {
	d := newDesk(t)
	post := func(header string, event ...string) int {
		t.Helper()
		body := fmt.Sprintf(`{"event":{"id":%q,"event_type":%q,"occurred_at":%q,"data":{"id":"Q1","type":"incident","title":"Slow","created_at":"2026-11-22T11:00:00Z","service":{"summary":"api"}}}}`, event[0], event[1], event[2])
		mac := hmac.New(sha256.New, []byte("env:new"))
		mac.Write([]byte(body))
		code := d.post("pd", body, "X-PagerDuty-Signature", "v1="+hex.EncodeToString(mac.Sum(nil)), "X-Webhook-Id", header)
		if code != http.StatusAccepted {
			t.Errorf("answered with %d", code)
		}
		return d.outcomes()[0].Times
	}
	triggered := []string{"E1", "incident.triggered", "2026-11-22T11:00:00Z"}
	if n := post("W1", triggered...); n != 1 {
		t.Errorf("it came %d times", n)
	}
	d.wants("Slow: started")
	for _, header := range []string{"W1", "W2", ""} {
		if n := post(header, triggered...); n != 1 {
			t.Errorf("with id %q it is counted again: %d", header, n)
		}
	}
	if n := post("W1", "E2", "incident.triggered", "2026-11-22T11:00:00Z"); n != 1 {
		t.Errorf("its own id does not tell it: %d", n)
	}
	if n := post("W3", "E3", "incident.triggered", "2026-11-22T11:00:00Z"); n != 2 {
		t.Errorf("another one is not counted: %d", n)
	}
	d.wants()
	d.now = d.now.AddDate(0, 0, 31)
	post("W9", triggered...)
	if last := d.outcomes()[0]; last.Outcome != "note" || !strings.Contains(last.Text, "too long ago") {
		t.Errorf("an old one came to %+v", last)
	}
	d.wants()
	if d.runs.starts != 1 {
		t.Errorf("%d starts", d.runs.starts)
	}
}

func TestCooldown(t *testing.T) {
	for _, c := range []struct {
		name     string
		resolved time.Duration // after the run's end; negative: never
		after    time.Duration // after the run's end comes the next alert
		want     string
	}{
		{"the alert ended with the run, the cooldown goes on", 0, 9 * time.Minute, "Full: cooldown"},
		{"and is over", 0, 10 * time.Minute, "Full: started"},
		{"the alert outlasts the run: the cooldown begins with its end", 15 * time.Minute, 24 * time.Minute, "Full: cooldown"},
		{"and is over then", 15 * time.Minute, 25 * time.Minute, "Full: started"},
		{"the alert goes on: the cooldown has not begun", -1, 59 * time.Minute, "Full: cooldown"},
		{"for an hour", -1, 70 * time.Minute, "Full: started"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.send("Full api f1 firing 00")
			d.wants("Full: started")
			ended := d.now
			d.runs.ended["full-1"] = ended
			if c.resolved >= 0 {
				d.now = ended.Add(c.resolved)
				d.send("Full api f1 resolved 00")
				d.wants()
			}
			d.now = ended.Add(c.after)
			d.send("Full api f2 firing 30")
			d.wants(c.want)
			if c.want == "Full: cooldown" {
				d.now = ended.Add(2 * time.Hour)
				d.send("Full api f2 firing 30") // it goes on, and is heard again
				d.wants("Full: started")
			}
		})
	}
	d := newDesk(t) // without a cooldown
	d.send("Slow api f1 firing 00")
	d.wants("Slow: started")
	d.runs.ended["slow-1"] = d.now
	d.send("Slow api f2 firing 01")
	d.wants("Slow: started")
}

func TestResolved(t *testing.T) {
	d := newDesk(t)
	d.send("Full api f1 firing 00", "Full api f2 firing 00")
	d.wants("Full: started", "Full: joined")
	d.send("Full api f1 resolved 00")
	d.wants()
	if d.runs.told() != "" {
		t.Errorf("told %q while one of two alerts goes on", d.runs.told())
	}
	d.send("Full api f2 resolved 00")
	d.wants()
	if d.runs.told() != "full-1" {
		t.Errorf("told %q", d.runs.told())
	}
	d.send("Full api f2 resolved 00")
	d.wants()
	if d.runs.told() != "full-1" {
		t.Errorf("told %q", d.runs.told())
	}

	d.send("Slow api f3 firing 00", "Slow api f3 resolved 00") // before anybody looked
	d.wants("Slow: over")
	d.send("Slow api f4 resolved 00") // nobody knows it
	d.wants("Slow: over")
	d.send("Slow api f4 firing 00") // it was overtaken
	d.wants()

	d.send("Full api f5 firing 10")
	d.wants("Full: joined")
	d.send("Full api f5 resolved 05") // of the time before
	d.wants("Full: over")
	for _, a := range d.outcomes() {
		if a.Identity == "f5" && a.Firing != (a.StartsAt.Minute() == 10) {
			t.Errorf("%+v", a)
		}
	}
}

// TestWithoutStart holds that of a source which does not say when an alert
// began, the next one after it was resolved is another one.
func TestWithoutStart(t *testing.T) {
	d := newDesk(t)
	body := `{"id":7,"status":"%s","name":"Slow","service":"api"}`
	for range 2 {
		d.post("any", fmt.Sprintf(body, "firing"))
		d.post("any", fmt.Sprintf(body, "firing"))
		d.wants("Slow: started")
		d.runs.ended[fmt.Sprintf("slow-%d", d.runs.starts)] = d.now
		d.now = d.now.Add(time.Second)
		d.post("any", fmt.Sprintf(body, "resolved"))
		d.wants()
	}
	if d.runs.starts != 2 || len(d.outcomes()) != 2 {
		t.Errorf("%d starts, %+v", d.runs.starts, d.outcomes())
	}
}

// TestNotNoted holds that an owner that begins a run and cannot note it leaves
// it to the next one to find that run, also when another alert of its cause
// comes first.
func TestNotNoted(t *testing.T) {
	d := newDesk(t)
	d.send("Full api f0 firing 00", "Full api f1 firing 00")
	d.shelf.broken.Store(true)
	if err := d.Run(context.Background()); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	for len(d.said) > 0 {
		<-d.said
	}
	d.shelf.broken.Store(false)
	d.runs.begun = map[int64]string{2: "full-1"} // as if it had begun for the second
	d.wants("Full: joined", "Full: started")
	if d.runs.starts != 1 {
		t.Errorf("%d starts", d.runs.starts)
	}
}

func TestProof(t *testing.T) {
	d := newDesk(t)
	body := `{"event":{"event_type":"incident.triggered","data":{"id":"Q1","type":"incident","title":"Slow","created_at":"2026-11-22T11:00:00Z","service":{"summary":"api"}}}}`
	mac := hmac.New(sha256.New, []byte("env:new"))
	mac.Write([]byte(body))
	signature := "v1=" + strings.Repeat("ab", 32) + ",v1=" + hex.EncodeToString(mac.Sum(nil))
	for _, c := range []struct {
		name, source, body, header, value string
		want                              int
	}{
		{"another token", "am", am(), "Authorization", "Bearer env:tok", http.StatusUnauthorized},
		{"none", "am", am(), "Authorization", "", http.StatusUnauthorized},
		{"no such source", "none", am(), "X", "", http.StatusUnauthorized},
		{"the token in place of a signature", "pd", body, "X", "", http.StatusUnauthorized},
		{"a signature of another body", "pd", body + " ", "X-PagerDuty-Signature", signature, http.StatusUnauthorized},
		{"too large", "am", am("Full api " + strings.Repeat("f", 1<<20) + " firing 00"), "X", "", http.StatusRequestEntityTooLarge},
		{"not what it sends", "am", `{"version":"9"}`, "X", "", http.StatusUnprocessableEntity},
	} {
		if got := d.post(c.source, c.body, c.header, c.value); got != c.want {
			t.Errorf("%s: answered with %d, not %d", c.name, got, c.want)
		}
	}
	if all := d.outcomes(); len(all) != 1 || all[0].Outcome != "refused" {
		t.Errorf("stored is %+v, not only what was refused", all)
	}
	<-d.said
	for range 2 { // the second is a replay
		if got := d.post("pd", body, "X-PagerDuty-Signature", signature); got != http.StatusAccepted {
			t.Errorf("answered with %d", got)
		}
	}
	d.wants("Slow: started")
	if len(d.warns) == 0 {
		t.Error("nobody was told that a secret cannot be read")
	}
	if err := d.shelf.Close(); err != nil {
		t.Fatal(err)
	}
	if got := d.post("am", am("Full api f1 firing 00")); got != http.StatusServiceUnavailable {
		t.Errorf("acknowledged with %d what was not stored", got)
	}
}
