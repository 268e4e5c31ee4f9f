package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine"
)

// The parts of a run besides its questions.
const (
	keyBoard = "run"
	keyEnd   = "end"
	keyTold  = "told"  // how far what has happened was told
	keyDone  = "done"  // everything was told
	keyNote  = "note-" // a notice, by its number
)

// since is the post that says when telling began: runs before are nobody's
// news.
var since = Post{Key: "since", Shown: "1"}

// page is what a run is to look like at a time.
type page struct {
	story *chatops.Story
	posts map[string]Post // by key and place
	now   time.Time
}

func slot(key, place string) string { return key + " " + place }

func (p *page) post(key, place string) (Post, bool) {
	post, ok := p.posts[slot(key, place)]
	return post, ok
}

// page looks at a run and at what is posted of it.
func (b *Bot) page(ctx context.Context, run string) (*page, error) {
	s, err := b.cfg.Desk.Story(ctx, run)
	if err != nil {
		return nil, err
	}
	posts, err := b.cfg.Posts.Posts(ctx, run)
	if err != nil {
		return nil, err
	}
	p := &page{story: s, posts: map[string]Post{}, now: b.cfg.Now()}
	for _, post := range posts {
		p.posts[slot(post.Key, post.Place)] = post
	}
	return p, nil
}

// card is what a part of a run is to show; false: it shows nothing.
func (p *page) card(key string) (chatops.Card, bool) {
	switch key {
	case keyBoard:
		return p.story.Board(), true
	case keyEnd:
		return p.story.End()
	}
	for _, a := range p.story.Asked {
		if a.Key == key {
			return p.story.Ask(a, p.now), true
		}
	}
	for _, n := range p.story.Run.Notices {
		if noteKey(n) == key {
			return p.story.Notice(n), true
		}
	}
	return chatops.Card{}, false
}

func noteKey(n *engine.Notice) string { return keyNote + strconv.Itoa(n.N) }

// untold are the lines that were not told yet at a place, and the number of
// the last record among them.
func (p *page) untold(place string) (lines []chatops.Line, last int) {
	post, _ := p.post(keyTold, place)
	from, _ := strconv.Atoi(post.Shown) // nothing is told: 0
	for _, t := range p.story.Lines {
		if t.Seq > from && !t.Own {
			lines, last = append(lines, t.Line), t.Seq
		}
	}
	return lines, last
}

// places are where a run is told: its channel, or the fallback when that is
// lost, or else whoever can answer, one by one.
func (b *Bot) places(p *page) (places []string, alone bool) {
	main := b.cfg.Slack.ChannelOf(p.story.Run.Facts.Service, p.story.FirstRole())
	for _, place := range []string{main, b.cfg.Slack.Fallback} {
		if place != "" && !b.health.lost(place) {
			return []string{place}, false
		}
	}
	for _, a := range p.story.Asks() {
		for _, name := range p.story.Can(a) {
			if id := b.cfg.Directory.Account(name); id != "" && !slices.Contains(places, id) && !b.health.lost(id) {
				places = append(places, id)
			}
		}
	}
	for _, n := range p.story.Run.Notices {
		for _, name := range p.story.Notice(n).Call {
			if id := b.cfg.Directory.Account(name); n.Page && id != "" && !slices.Contains(places, id) && !b.health.lost(id) {
				places = append(places, id)
			}
		}
	}
	return places, true
}

// wanted are the errands by which a run's messages become what they are to be.
func (b *Bot) wanted(p *page) []wish {
	places, alone := b.places(p)
	var out []wish
	for _, place := range places {
		out = append(out, b.wantedAsks(p, place, alone)...)
		if !alone {
			out = append(out, b.wantedThread(p, place)...)
		}
	}
	for _, post := range p.posts { // elsewhere nothing new is said, and nothing old stays
		here := slices.Contains(places, post.Place) || b.health.lost(placeOf(post.Place))
		if post.Ref != "" && !here && post.Key != keyTold && b.differs(p, post.Key, post.Place) {
			out = append(out, p.wish(post.Key, post.Place, urgent))
		}
	}
	return out
}

func (p *page) wish(key, place string, u urgency) wish {
	post, there := p.post(key, place)
	return wish{errand{p.story.Run.Facts.ID, key, place}, u, there && post.Ref != "" && key != keyTold}
}

// wantedAsks are those about questions, and about what people are told. alone:
// the place is one person, who hears only what cannot wait.
func (b *Bot) wantedAsks(p *page, place string, alone bool) (out []wish) {
	for _, a := range p.story.Asked {
		_, there := p.post(a.Key, place)
		comes := a.State == chatops.Open || a.State == chatops.Announced && !alone
		if (comes || there) && b.differs(p, a.Key, place) {
			out = append(out, p.wish(a.Key, place, p.urgency(a, place)))
		}
	}
	for _, n := range p.story.Run.Notices {
		if post, there := p.post(noteKey(n), place); (!alone || n.Page) && (!there || post.Ref == "") {
			out = append(out, p.wish(noteKey(n), place, called))
		}
	}
	return out
}

// wantedThread are those about the run itself.
func (b *Bot) wantedThread(p *page, place string) (out []wish) {
	if post, there := p.post(keyBoard, place); !there || post.Ref == "" {
		out = append(out, p.wish(keyBoard, place, asked)) // the thread hangs on it, and it is what wakes people
	} else if b.differs(p, keyBoard, place) {
		out = append(out, p.wish(keyBoard, place, told))
	}
	if _, ended := p.story.End(); ended { // and tells all of it
		if b.differs(p, keyEnd, place) {
			out = append(out, p.wish(keyEnd, place, told))
		}
	} else if lines, _ := p.untold(place); len(lines) > 0 {
		out = append(out, p.wish(keyTold, place, read))
	}
	return out
}

// placeOf is the channel of a place: one that was found later, by a click on
// it, has its message in its name.
func placeOf(place string) string {
	channel, _, _ := strings.Cut(place, "#")
	return channel
}

func (p *page) urgency(a *chatops.Asked, place string) urgency {
	post, there := p.post(a.Key, place)
	switch {
	case a.State == chatops.Announced:
		return told
	case a.State == chatops.Open && (!there || post.Ref == ""):
		return asked
	case a.State == chatops.Open:
		return called
	default:
		return urgent
	}
}

// differs reports whether a part of a run shows something else than it is to.
func (b *Bot) differs(p *page, key, place string) bool {
	c, ok := p.card(key)
	if !ok {
		return false
	}
	post, there := p.post(key, place)
	return !there || post.Ref == "" || post.Shown != b.painter.draw(c).digest() || callsAgain(post, c)
}

// callsAgain reports whether people are to be called once more: about what they
// can answer, in the place where it was asked.
func callsAgain(post Post, c chatops.Card) bool {
	return len(c.Buttons) > 0 && c.Ping != post.Ping && len(c.Call) > 0 && placeOf(post.Place) == post.Place
}

// consider looks at what a run is to look like, and puts what differs into the
// lanes. It notes a run of which everything was told.
func (b *Bot) consider(ctx context.Context, run string) error {
	p, err := b.page(ctx, run)
	if err != nil {
		return err
	}
	if _, done := p.post(keyDone, ""); done {
		return nil
	}
	wanted := b.wanted(p)
	for _, w := range wanted {
		b.lane(placeOf(w.place)).put(w)
	}
	if _, ended := p.story.End(); ended && len(wanted) == 0 {
		return b.cfg.Posts.SetPost(ctx, Post{Run: run, Key: keyDone, At: p.now})
	}
	b.unasked(p)
	b.wakeAt(run, p)
	return nil
}

var errNobody = errors.New("no channel takes messages, and nobody who may answer has an account that does")

// unasked says so when questions are open that reach nobody.
func (b *Bot) unasked(p *page) {
	why := b.health.dead()
	if places, _ := b.places(p); why == nil && len(places) == 0 {
		why = errNobody
	}
	if why == nil || b.cfg.Unasked == nil {
		return
	}
	for _, a := range p.story.Asks() {
		u := Unasked{Run: p.story.Run.Facts.ID, Question: a.Question.ID, Why: why}
		if len(a.Roles) > 0 {
			u.Role = a.Roles[0]
		}
		b.cfg.Unasked(u)
	}
}

// wakeAt considers a run again when one of its cards changes by itself.
func (b *Bot) wakeAt(run string, p *page) {
	var next time.Time
	for _, a := range p.story.Asks() {
		if at := p.story.Ask(a, p.now).Wake; !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.alarms[run]; t != nil {
		t.Stop()
		delete(b.alarms, run)
	}
	if !next.IsZero() && !b.closed {
		b.alarms[run] = time.AfterFunc(max(next.Sub(b.cfg.Now()), time.Millisecond), func() { b.Changed(run) })
	}
}

// retryMost is the longest time between two tries.
const retryMost = 30 * time.Second

// serve sends what waits for a place, until ctx ends.
func (b *Bot) serve(ctx context.Context, l *lane) {
	for {
		w := l.next(ctx)
		if w == nil {
			return
		}
		err := b.deliver(ctx, w.errand)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			b.Changed(w.run) // more may have come meanwhile; and it may be done
			continue
		}
		b.failed(ctx, l, w, err)
	}
}

// failed decides what becomes of an errand that did not succeed.
func (b *Bot) failed(ctx context.Context, l *lane, w *waiting, err error) {
	kind, after := faultOf(err)
	switch kind {
	case faultPlace:
		if b.health.lose(l.place, err) {
			b.cfg.Warn(fmt.Errorf("slack: %s cannot be reached (%w): what it was to show goes elsewhere; invite the app, or correct chat.slack in firebreak.yaml", l.place, err))
		}
		b.Changed(w.run)
		return
	case faultToken:
		if b.health.die(err) {
			b.cfg.Warn(fmt.Errorf("slack: nothing can be sent (%w): install the app again, or correct its tokens; firebreak slack doctor says what is wrong", err))
			b.unreached(ctx)
		}
		l.pause(retryMost)
		l.again(w, retryMost)
		return
	case faultLater:
		if after > 0 {
			b.health.count(&b.health.limited)
			l.limit(w, after)
		} else {
			b.health.count(&b.health.failed)
			after = min(retryMost, (500*time.Millisecond)<<min(w.tries, 6))
		}
	default:
		b.health.count(&b.health.failed)
		b.cfg.Warn(fmt.Errorf("slack: run %s, %s: %w", w.run, w.key, err))
		after = retryMost
	}
	l.again(w, after)
}

// unreached considers all runs again whose people must be reached another way:
// what they ask stands behind what has just failed, and is not tried itself.
func (b *Bot) unreached(ctx context.Context) {
	runs, err := b.untold(ctx)
	if err != nil {
		b.cfg.Warn(fmt.Errorf("slack: whom the runs that are open ask is not said elsewhere: %w", err))
	}
	for _, run := range runs {
		b.Changed(run)
	}
}

// deliver makes a message what it is to be.
func (b *Bot) deliver(ctx context.Context, e errand) error {
	p, err := b.page(ctx, e.run)
	if err != nil {
		return nil //nolint:nilerr // it cannot be read, and whoever drives it says so
	}
	if !slices.ContainsFunc(b.wanted(p), func(w wish) bool { return w.errand == e }) {
		return nil
	}
	if e.key == keyTold {
		return b.tell(ctx, p, e.place)
	}
	return b.put(ctx, p, e.key, e.place)
}

// thread is the message that a place's messages of a run hang on; one is made
// if there is none.
func (b *Bot) thread(ctx context.Context, p *page, place string) (string, error) {
	if isAccount(place) {
		return "", nil
	}
	if post, ok := p.post(keyBoard, place); ok && post.Ref != "" {
		return tsOf(post.Ref), nil
	}
	if err := b.put(ctx, p, keyBoard, place); err != nil {
		return "", err
	}
	post, _ := p.post(keyBoard, place)
	return tsOf(post.Ref), nil
}

func tsOf(ref string) string {
	_, ts, _ := strings.Cut(ref, "/")
	return ts
}

func channelOf(ref string) string {
	channel, _, _ := strings.Cut(ref, "/")
	return channel
}

// put posts a card, or edits what is there of it, and stores that.
func (b *Bot) put(ctx context.Context, p *page, key, place string) error {
	c, ok := p.card(key)
	if !ok {
		return nil
	}
	d := b.painter.draw(c)
	post, there := p.post(key, place)
	if !there || post.Ref == "" {
		return b.post(ctx, p, key, place, c, d)
	}
	if post.Shown != d.digest() {
		err := b.update(ctx, post, d)
		if kind, _ := faultOf(err); kind == faultGone { // somebody has deleted it
			delete(p.posts, slot(key, place))
			return b.cfg.Posts.DropPost(ctx, post)
		}
		if err != nil {
			return err
		}
		post.Shown, post.At = d.digest(), p.now
		if err := b.keep(ctx, p, post); err != nil {
			return err
		}
	}
	if !callsAgain(post, c) {
		return nil
	}
	thread, err := b.thread(ctx, p, place)
	if err != nil {
		return err
	}
	if _, _, err := b.send(ctx, channelOf(post.Ref), thread, b.reminder(c, post.Ping)); err != nil {
		return err
	}
	post.Ping = c.Ping
	return b.keep(ctx, p, post)
}

// reminder calls people again, and says why.
func (b *Bot) reminder(c chatops.Card, before string) drawn {
	why := "An answer is needed"
	switch {
	case before == "":
	case strings.HasSuffix(c.Ping, "+late"):
		why = "Little time is left"
	case strings.HasSuffix(c.Ping, "+half"):
		why = "Half of the time is over"
	default:
		why = "Nobody has answered yet, and you are asked, too"
	}
	text := clipSafe(why+": "+c.Brief, maxSection/2)
	return drawn{text: text, blocks: []slack.Block{section(b.painter.call(c.Call) + " " + text)}}
}

// post posts a card for the first time. That it is about to is stored before:
// after a crash in between the message is looked for.
func (b *Bot) post(ctx context.Context, p *page, key, place string, c chatops.Card, d drawn) error {
	post := Post{Run: p.story.Run.Facts.ID, Key: key, Place: place, At: p.now}
	thread := ""
	if key != keyBoard {
		var err error
		if thread, err = b.thread(ctx, p, place); err != nil {
			return err
		}
	}
	if before, begun := p.post(key, place); begun {
		if ref := b.find(ctx, before, thread); ref != "" {
			post.Ref = ref // what it shows is not known: it is edited next
			return b.keep(ctx, p, post)
		}
	} else if err := b.keep(ctx, p, post); err != nil {
		return err
	}
	channel, ts, err := b.send(ctx, place, thread, d, slack.MsgOptionMetadata(metadataOf(post)))
	if kind, _ := faultOf(err); kind == faultGone {
		if board, ok := p.post(keyBoard, place); ok { // the thread is gone
			return b.cfg.Posts.DropPost(ctx, board)
		}
	}
	if err != nil {
		if certain(err) { // it is not there
			return errors.Join(err, b.cfg.Posts.DropPost(ctx, post))
		}
		return err
	}
	post.Ref, post.Shown, post.Ping = channel+"/"+ts, d.digest(), c.Ping
	b.health.count(&b.health.posted)
	return b.keep(ctx, p, post)
}

func isAccount(place string) bool {
	return strings.HasPrefix(place, "U") || strings.HasPrefix(place, "W")
}

// keep stores a post.
func (b *Bot) keep(ctx context.Context, p *page, post Post) error {
	p.posts[slot(post.Key, post.Place)] = post
	return b.cfg.Posts.SetPost(ctx, post)
}

// tell posts what has happened since the last time.
func (b *Bot) tell(ctx context.Context, p *page, place string) error {
	all, last := p.untold(place)
	if len(all) == 0 {
		return nil
	}
	thread, err := b.thread(ctx, p, place)
	if err != nil {
		return err
	}
	text := lines(all, maxSection)
	d := drawn{text: clipSafe(p.story.Run.Facts.Runbook+": "+all[len(all)-1].Text, maxBrief/4), blocks: []slack.Block{section(text)}}
	if _, _, err := b.send(ctx, place, thread, d); err != nil {
		return err
	}
	b.health.count(&b.health.posted)
	return b.keep(ctx, p, Post{Run: p.story.Run.Facts.ID, Key: keyTold, Place: place, Shown: strconv.Itoa(last), At: p.now})
}

// send posts a message.
func (b *Bot) send(ctx context.Context, channel, thread string, d drawn, more ...slack.MsgOption) (at, ts string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	options := append(b.options(d), more...)
	if thread != "" {
		options = append(options, slack.MsgOptionTS(thread))
	}
	at, ts, err = b.api.PostMessageContext(ctx, channel, options...)
	if kind, _ := faultOf(err); kind == faultShape {
		at, ts, err = b.api.PostMessageContext(ctx, channel, append(options, slack.MsgOptionBlocks(d.bare()...))...)
	}
	if err == nil {
		b.health.reached(channel)
	}
	return at, ts, err
}

// update edits a message.
func (b *Bot) update(ctx context.Context, post Post, d drawn) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	b.health.count(&b.health.edited)
	options := append(b.options(d), slack.MsgOptionMetadata(metadataOf(post)))
	edit := func(options []slack.MsgOption) error {
		_, _, err := b.api.PostMessageContext(ctx, channelOf(post.Ref), append(options, slack.MsgOptionUpdate(tsOf(post.Ref)))...)
		return err
	}
	err := edit(options)
	if kind, _ := faultOf(err); kind == faultShape {
		return edit(append(options, slack.MsgOptionBlocks(d.bare()...)))
	}
	return err
}

func (b *Bot) options(d drawn) []slack.MsgOption {
	return []slack.MsgOption{slack.MsgOptionText(d.text, false), slack.MsgOptionBlocks(d.blocks...), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl()}
}

// callTimeout is how long one call of the Web API may take.
const callTimeout = 10 * time.Second

// eventType marks our messages, for ourselves.
const eventType = "firebreak_card"

func metadataOf(p Post) slack.SlackMetadata {
	return slack.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"run": p.Run, "key": p.Key}}
}

// find looks for a message that may have been posted by a process that ended
// before it knew. Where the app may not read the channel nothing is found, and
// the message is posted again: a click on the other one is answered as well,
// and edits it.
func (b *Bot) find(ctx context.Context, post Post, thread string) (ref string) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	oldest := strconv.FormatInt(post.At.Add(-time.Minute).Unix(), 10)
	var messages []slack.Message
	if thread == "" {
		h, err := b.api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{ChannelID: post.Place, Oldest: oldest, Limit: 200, IncludeAllMetadata: true})
		if err != nil {
			return ""
		}
		messages = h.Messages
	} else {
		var err error
		if messages, _, _, err = b.api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{ChannelID: post.Place, Timestamp: thread, Oldest: oldest, Limit: 200, IncludeAllMetadata: true}); err != nil {
			return ""
		}
	}
	for _, m := range messages {
		if m.Metadata.EventType == eventType && m.Metadata.EventPayload["run"] == post.Run && m.Metadata.EventPayload["key"] == post.Key {
			return post.Place + "/" + m.Timestamp
		}
	}
	return ""
}
