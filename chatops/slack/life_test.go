package slack_test

import (
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
	"github.com/firebreak-ops/firebreak/engine"
)

// TestLife goes through a run as people in Slack see it: the heads-up, the
// card, a yes, and the end.
func TestLife(t *testing.T) {
	o := newOffice(t, slacktest.Start(t, slacktest.Config{Live: true}), 1)
	o.open()
	o.start("r1", "carol")
	card := o.card("r1")
	t.Log(card.Render())
	if card.ThreadTS == "" {
		t.Error("the card is not in the thread of the run")
	}
	for _, text := range []string{"-max: 20", "+max: 50", "undo: world.set", "not carol", "<@U0ALICE>", "<@U0BOB>"} {
		if !strings.Contains(card.Render(), text) {
			t.Errorf("the card does not say %s", text)
		}
	}
	o.click(slacktest.Alice, card.TS, "rb.approve.v1")
	if r := o.ended("r1"); r.Word != engine.Succeeded {
		t.Errorf("it ended %s", r.Word)
	}
	o.told(slacktest.Alice, "Your yes counts")
	done := o.wait("decided card", func(m slacktest.Message) bool {
		return m.TS == card.TS && strings.Contains(m.Render(), "approved by alice")
	})
	if len(done.Buttons()) > 0 {
		t.Errorf("it still has %q", done.Buttons())
	}
	end := o.wait("end", func(m slacktest.Message) bool { return strings.Contains(m.Render(), "Timeline") })
	t.Log(end.Render())
	board := o.wait("board", func(m slacktest.Message) bool { return strings.Contains(m.Render(), "succeeded in") })
	t.Log(board.Render())
}

// TestWho holds that only people whom firebreak knows have a say, and that
// everybody else is told why, alone, and recorded.
func TestWho(t *testing.T) {
	o := newOffice(t, slacktest.Start(t, slacktest.Config{Live: true, NoLimits: true}), 1)
	o.patient = true // a stranger can be told nothing where Slack says that nobody has that id
	o.open()
	o.start("r1", "alice")
	card := o.card("r1")
	for user, text := range map[string]string{
		slacktest.Alice: "nobody approves their own request",
		slacktest.Gus:   "guests have no say",
		slacktest.Olga:  "accounts of other workspaces have no say",
		slacktest.Robot: "programs have no say",
	} {
		o.click(user, card.TS, "rb.approve.v1")
		o.told(user, text)
	}
	o.click(slacktest.Gus, card.TS, "rb.details.v1")
	o.told(slacktest.Gus, "Guests have no say here.")
	r := o.run("r1")
	if r.Ended() || len(r.OpenQuestions()) != 1 {
		t.Fatal("a word of somebody who has no say has counted")
	}
	refused := map[string]engine.Via{}
	for _, rec := range o.records("r1") {
		if e, ok := rec.Event.(engine.InputRefused); ok {
			refused[e.By] = e.Via
		}
	}
	for _, by := range []string{"alice", "slack:" + slacktest.Team + "/" + slacktest.Gus, "slack:" + slacktest.Team + "/" + slacktest.Robot} {
		if via := refused[by]; via["transport"] != "socket" || via["message"] != card.TS || via["channel"] != slacktest.Incidents {
			t.Errorf("%s is recorded as %v", by, via)
		}
	}
	o.click(slacktest.BobUser, card.TS, "rb.approve.v1")
	o.ended("r1")
	for _, rec := range o.records("r1") {
		e, ok := rec.Event.(engine.QuestionDecided)
		if !ok {
			continue
		}
		for _, key := range []string{"chat", "transport", "envelope", "team", "user", "channel", "message", "action", "card"} {
			if e.Via[key] == "" {
				t.Errorf("the vote does not say its %s: %v", key, e.Via)
			}
		}
	}
}

// TestEmail holds that whoever has no account in the configuration is known by
// the address in their profile only where that is switched on, and Slack has
// confirmed it.
func TestEmail(t *testing.T) {
	for _, c := range []struct {
		name                 string
		byEmail, unconfirmed bool
		told                 string
	}{
		{"switched off", false, false, "firebreak does not know you"},
		{"not confirmed", true, true, "firebreak does not know you"},
		{"confirmed", true, false, "Your yes counts"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOffice(t, quiet(t), 1)
			o.strange, o.byEmail = []string{"bob"}, c.byEmail
			o.slack.SetUser(slacktest.User{ID: slacktest.BobUser, Name: "bob", Email: "bob@example.com", Unconfirmed: c.unconfirmed})
			o.open()
			o.start("r1", "")
			card := o.card("r1")
			if c.byEmail && !c.unconfirmed {
				o.wait("card that calls bob", func(m slacktest.Message) bool {
					return m.TS == card.TS && strings.Contains(m.Render(), "<@"+slacktest.BobUser+">")
				})
			} else if strings.Contains(card.Render(), "<@"+slacktest.BobUser+">") {
				t.Error("it calls bob")
			}
			o.click(slacktest.BobUser, card.TS, "rb.details.v1")
			if c.told == "Your yes counts" {
				o.shown(slacktest.BobUser, "bound to")
			} else {
				o.told(slacktest.BobUser, "does not know you")
			}
			o.click(slacktest.BobUser, card.TS, "rb.approve.v1")
			o.told(slacktest.BobUser, c.told)
		})
	}
}

// TestTwoAtOnce has two people press in the same moment: one decision, and both
// are told.
func TestTwoAtOnce(t *testing.T) {
	o := newOffice(t, slacktest.Start(t, slacktest.Config{Live: true, NoLimits: true}), 1)
	o.open()
	o.start("r1", "")
	card := o.card("r1")
	o.click(slacktest.Alice, card.TS, "rb.approve.v1")
	o.click(slacktest.BobUser, card.TS, "rb.approve.v1")
	o.ended("r1")
	if n := o.actions("r1"); n != 1 {
		t.Errorf("it has acted %d times", n)
	}
	decided := ""
	for _, rec := range o.records("r1") {
		if e, ok := rec.Event.(engine.QuestionDecided); ok {
			decided += e.By + " "
		}
	}
	first, second := slacktest.Alice, slacktest.BobUser
	if decided == "bob " {
		first, second = second, first
	} else if decided != "alice " {
		t.Fatalf("decided by %q", decided)
	}
	o.told(first, "Your yes counts")
	o.told(second, "Too late: it was approved by")
}

// TestQuorum counts, refuses a second yes of one person, and shows who is
// still asked.
func TestQuorum(t *testing.T) {
	o := newOffice(t, slacktest.Start(t, slacktest.Config{Live: true, NoLimits: true}), 2)
	o.open()
	o.start("r1", "")
	card := o.card("r1")
	o.click(slacktest.Alice, card.TS, "rb.approve.v1")
	o.told(slacktest.Alice, "1 of 2 have said yes")
	half := o.wait("counted card", func(m slacktest.Message) bool {
		return m.TS == card.TS && strings.Contains(m.Render(), "1 of 2 have said yes: alice")
	})
	if strings.Contains(half.Render(), "<@"+slacktest.Alice+">") || !strings.Contains(half.Render(), "<@"+slacktest.BobUser+">") {
		t.Errorf("it calls whoever has said yes, or not who can:\n%s", half.Render())
	}
	o.click(slacktest.Alice, card.TS, "rb.approve.v1")
	o.told(slacktest.Alice, "alice has said yes already")
	o.click(slacktest.BobUser, card.TS, "rb.approve.v1")
	o.ended("r1")
}

// TestDeny asks for the reason, and shows it.
func TestDeny(t *testing.T) {
	o := newOffice(t, slacktest.Start(t, slacktest.Config{Live: true, NoLimits: true}), 1)
	o.open()
	o.start("r1", "")
	card := o.card("r1")
	o.click(slacktest.BobUser, card.TS, "rb.deny.v1")
	o.submit(slacktest.BobUser, map[string]string{"reason": "the replicas are <not> ready"})
	if r := o.ended("r1"); r.Word != engine.Refused {
		t.Errorf("it ended %s", r.Word)
	}
	done := o.wait("denied card", func(m slacktest.Message) bool {
		return m.TS == card.TS && strings.Contains(m.Render(), "denied by bob: the replicas are")
	})
	if len(done.Buttons()) > 0 {
		t.Errorf("it still has %q", done.Buttons())
	}
	if _, err := o.slack.Click(slacktest.Click{User: slacktest.Carol, Channel: slacktest.Incidents, TS: card.TS, Action: "rb.approve.v1", Stale: true}); err != nil {
		t.Fatal(err)
	}
	o.told(slacktest.Carol, "Too late: it was denied by bob")
}

// TestLook holds that whoever may answer and looks first is recorded, with how,
// and shown; and how long their role took.
func TestLook(t *testing.T) {
	o := newOffice(t, slacktest.Start(t, slacktest.Config{Live: true, NoLimits: true}), 1)
	o.open()
	o.start("r1", "alice")
	card := o.card("r1")
	o.click(slacktest.Alice, card.TS, "rb.details.v1") // started it, and may not answer
	o.shown(slacktest.Alice, "bound to")
	o.click(slacktest.BobUser, card.TS, "rb.deny.v1")
	o.shown(slacktest.BobUser, "Why")
	o.command(slacktest.Carol, "status r1")
	o.told(slacktest.Carol, "waits for sre or leads")
	o.wait("card that says who looks", func(m slacktest.Message) bool {
		return m.TS == card.TS && strings.Contains(m.Render(), "bob, carol looked at it")
	})
	o.click(slacktest.BobUser, card.TS, "rb.approve.v1")
	r := o.ended("r1")
	seen := map[string]engine.Via{}
	for _, rec := range o.records("r1") {
		if e, ok := rec.Event.(engine.QuestionSeen); ok {
			seen[e.By] = e.Via
		}
	}
	if len(seen) != 2 || seen["bob"]["message"] != card.TS || seen["carol"]["user"] != slacktest.Carol {
		t.Errorf("seen by %v", seen)
	}
	asked := r.Answers[0].Asked
	if len(asked) != 2 || asked[0].Role != "sre" || asked[0].Answered == nil || *asked[0].Looked > *asked[0].Answered || asked[1].Answered != nil {
		t.Errorf("they took %+v", asked)
	}
}

// TestMenu leaves the answer to somebody, keeps the question open longer, and
// asks a question of one's own.
func TestMenu(t *testing.T) {
	o := newOffice(t, slacktest.Start(t, slacktest.Config{Live: true, NoLimits: true}), 1)
	o.open()
	o.start("r1", "")
	card := o.card("r1")
	o.choose(slacktest.Alice, card, "extend")
	o.told(slacktest.Alice, "kept open longer")
	o.choose(slacktest.Alice, card, "ask")
	o.submit(slacktest.Alice, map[string]string{"text": "is it <!channel> safe?"})
	o.wait("question", func(m slacktest.Message) bool {
		return strings.Contains(m.Render(), "alice asks about cure") && !strings.Contains(m.Render(), "<!channel>")
	})
	o.choose(slacktest.Alice, card, "hand")
	o.submit(slacktest.Alice, map[string]string{"to": "carol"})
	o.told(slacktest.Alice, "It is left to them")
	o.click(slacktest.Alice, card.TS, "rb.approve.v1")
	o.told(slacktest.Alice, "alice has left this to carol")
	o.click(slacktest.Carol, card.TS, "rb.approve.v1")
	o.ended("r1")
}

// choose chooses something from the menu of a card.
func (o *office) choose(user string, card slacktest.Message, what string) {
	o.t.Helper()
	for _, b := range card.Blocks {
		if option := optionOf(b, what); option != "" {
			o.press(slacktest.Click{User: user, Channel: slacktest.Incidents, TS: card.TS, Action: "rb.menu.v1", Option: option})
			return
		}
	}
	o.t.Fatalf("the menu has no %s", what)
}

func optionOf(b slacktest.Block, what string) string {
	elements, _ := b["elements"].([]any)
	for _, e := range elements {
		m, _ := e.(map[string]any)
		options, _ := m["options"].([]any)
		for _, v := range options {
			option, _ := v.(map[string]any)
			if value, _ := option["value"].(string); strings.HasPrefix(value, what+" ") {
				return value
			}
		}
	}
	return ""
}

// TestCommands starts, looks and answers with commands, and is told what is
// wrong.
func TestCommands(t *testing.T) {
	o := newOffice(t, slacktest.Start(t, slacktest.Config{Live: true, NoLimits: true}), 1)
	o.open()
	o.command(slacktest.Alice, "help")
	o.told(slacktest.Alice, "start a runbook")
	o.command(slacktest.Alice, "who")
	o.told(slacktest.Alice, "You are alice, in sre")
	o.command(slacktest.Gus, "list")
	o.told(slacktest.Gus, "Guests have no say")
	o.command(slacktest.Alice, "aprove r1")
	o.told(slacktest.Alice, "did you mean approve?")
	o.command(slacktest.Alice, "run tset")
	o.told(slacktest.Alice, "did you mean test?")
	o.command(slacktest.Alice, "run test why=“it hurts”")
	o.told(slacktest.Alice, "of test has begun")
	card := o.wait("card", func(m slacktest.Message) bool { return m.Has("rb.approve.v1") })
	id := ""
	for _, h := range o.heads() {
		id = h.ID
	}
	if !strings.Contains(card.Render(), id) || string(o.run(id).Facts.Inputs["why"]) != `"it hurts"` {
		t.Errorf("run %s was started with %s", id, o.run(id).Facts.Inputs)
	}
	o.command(slacktest.BobUser, "status "+id)
	o.told(slacktest.BobUser, "waits for sre or leads")
	o.command(slacktest.BobUser, "runs --open")
	o.told(slacktest.BobUser, "The last runs")
	o.command(slacktest.BobUser, "approve "+id+" looks right")
	o.told(slacktest.BobUser, "Your yes counts")
	o.ended(id)
	o.command(slacktest.BobUser, "logs "+id)
	o.told(slacktest.BobUser, "approved by bob: looks right")
	if _, _, err := o.slack.Say(slacktest.Say{User: slacktest.Alice, Channel: slacktest.Incidents, Text: "@firebreak status " + id}); err != nil {
		t.Fatal(err)
	}
	o.told(slacktest.Alice, "succeeded in")
}

// TestForms starts a run from the forms that a command without a name shows.
func TestForms(t *testing.T) {
	o := newOffice(t, slacktest.Start(t, slacktest.Config{Live: true, NoLimits: true}), 1)
	o.open()
	o.command(slacktest.Alice, "")
	o.submit(slacktest.Alice, map[string]string{"runbook": "test"})
	o.submit(slacktest.Alice, map[string]string{"why": "a form"})
	o.told(slacktest.Alice, "of test has begun")
	o.card("")
	for _, h := range o.heads() {
		if string(o.run(h.ID).Facts.Inputs["why"]) != `"a form"` {
			t.Errorf("it was started with %s", o.run(h.ID).Facts.Inputs)
		}
	}
}
