package slack

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

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
	places = slices.DeleteFunc(b.asked(p), b.health.lost)
	for _, n := range p.story.Run.Notices {
		for _, name := range p.story.Notice(n).Call {
			if id := b.account(name); n.Page && id != "" && !slices.Contains(places, id) && !b.health.lost(id) {
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
