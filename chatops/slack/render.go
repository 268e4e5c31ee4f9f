package slack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/firebreak-ops/firebreak/chatops"
)

// actionPrefix and actionVersion make the ids of what can be pressed, so that
// an old card still finds its way after an upgrade.
const (
	actionPrefix  = "rb."
	actionVersion = ".v1"
	menuAction    = "menu"
)

// drawn is a card as Slack takes it.
type drawn struct {
	text   string // for push messages and screen readers
	blocks []slack.Block
	cut    bool // of a text whose end is shown there is more
}

// digest tells whether a message shows the same already.
func (d drawn) digest() string {
	raw, err := json.Marshal(d.blocks)
	if err != nil {
		raw = []byte(d.text)
	}
	sum := sha256.Sum256(append(raw, d.text...))
	return hex.EncodeToString(sum[:12])
}

// bare is what is left when Slack does not take a card as it is: its one line,
// and what can be pressed.
func (d drawn) bare() []slack.Block {
	blocks := []slack.Block{section(clip(d.text, maxSection))}
	for _, b := range d.blocks {
		if b.BlockType() == slack.MBTAction {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// painter draws cards. mention is how a person is called; their name where
// they have no account.
type painter struct {
	mention func(name string) string
}

// draw draws a card as a message. Whatever its text, what comes of it is within
// Slack's limits.
func (p painter) draw(c chatops.Card) drawn { return p.within(c, maxBlocks) }

// within draws a card in a number of blocks at most, which are 8 or more.
func (p painter) within(c chatops.Card, blocks int) drawn {
	d := drawn{text: clipSafe(c.Brief, maxBrief)}
	if c.Title != "" {
		d.blocks = append(d.blocks, slack.NewHeaderBlock(plainText(oneLine(c.Title), maxHeader)))
	}
	room := space{left: maxShown}
	last := blocks - 5 // what one part has besides its first, what is left out, who is called, and buttons
	for i, part := range c.Parts {
		d.blocks = append(d.blocks, p.part(part, &room)...)
		if more := len(c.Parts) - 1 - i; (len(d.blocks) >= last || room.left <= 0) && more > 0 {
			d.blocks = append(d.blocks, small(left(more, c)))
			break
		}
	}
	d.cut = room.cut
	if call := p.call(c.Call); call != "" {
		d.blocks = append(d.blocks, section(call))
	}
	if elements := buttons(c); len(elements) > 0 {
		d.blocks = append(d.blocks, slack.NewActionBlock("rb", elements...))
	}
	return d
}

// left says of how many parts of a card there is no room, and where they are.
func left(more int, c chatops.Card) string {
	where := "firebreak runs show has them"
	if slices.ContainsFunc(c.Buttons, func(b chatops.Button) bool { return b.Do == chatops.DoDetails }) {
		where = "Details has them, and firebreak runs show"
	}
	return fmt.Sprintf("… and %d parts more; %s", more, where)
}

// maxCall is how many people are called at once.
const maxCall = 30

// call calls people.
func (p painter) call(names []string) string {
	if len(names) > maxCall {
		names = names[:maxCall]
	}
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = p.mention(name)
	}
	return strings.Join(out, " ")
}

// space is how much of what is drawn there may still be.
type space struct {
	left int  // characters
	cut  bool // of a text whose end is shown there is more
}

// part draws a piece of a card.
func (p painter) part(part chatops.Part, room *space) []slack.Block {
	var blocks []slack.Block
	add := func(text string) {
		if text != "" {
			room.left -= utf8.RuneCountInString(text)
			blocks = append(blocks, section(text))
		}
	}
	title := ""
	if part.Title != "" {
		title = "*" + clipSafe(oneLine(part.Title), 300) + "*\n"
	}
	most := max(min(maxSection, room.left)-utf8.RuneCountInString(title), 200)
	switch {
	case part.Small:
		return append(blocks, smalls(part)...)
	case part.Code && part.Tail:
		text, isCut := codeEnd(part.Text, most)
		room.cut = room.cut || isCut
		add(title + text)
	case part.Code:
		add(title + code(part.Text, most))
	case len(part.Lines) > 0:
		text := ""
		if part.Text != "" {
			text = clipSafe(part.Text, most/2) + "\n"
		}
		add(title + text + lines(part.Lines, most-utf8.RuneCountInString(text)))
	default:
		add(title + clipSafe(part.Text, most))
	}
	for some := range slices.Chunk(part.Fields, maxFields) {
		blocks = append(blocks, slack.NewSectionBlock(nil, fieldsOf(some), nil))
	}
	return blocks
}

// maxFields is how many fields a section may have.
const maxFields = 10

func fieldsOf(all []chatops.Field) []*slack.TextBlockObject {
	var out []*slack.TextBlockObject
	for _, f := range all {
		text := clipSafe(f.Text, maxField/4)
		if !f.At.IsZero() {
			text = strings.TrimSpace(text+" "+moment(f.At)) + clipSafe(f.After, maxField/4)
		}
		out = append(out, markdown("*"+clipSafe(f.Name, 100)+"*\n"+text))
	}
	return out
}

func smalls(part chatops.Part) []slack.Block {
	var elements []slack.MixedElement
	if part.Text != "" {
		elements = append(elements, markdown(clipSafe(part.Text, maxField)))
	}
	for i, f := range part.Fields {
		if i == maxFields-1 {
			break
		}
		text := clipSafe(f.Name+": "+f.Text, 300)
		if !f.At.IsZero() {
			text += " " + moment(f.At)
		}
		elements = append(elements, markdown(text))
	}
	if len(elements) == 0 {
		return nil
	}
	return []slack.Block{slack.NewContextBlock("", elements...)}
}

// signs of lines, with a word for whoever sees no colours.
var signs = map[chatops.Mark]string{
	chatops.MarkGood: ":white_check_mark:", chatops.MarkBad: ":x:", chatops.MarkAsk: ":raised_hand:", chatops.MarkSkip: ":heavy_minus_sign:",
	chatops.MarkTell: ":loudspeaker:", chatops.MarkUndo: ":leftwards_arrow_with_hook:", chatops.MarkEnd: ":checkered_flag:",
	chatops.MarkBlock: ":no_entry:", chatops.MarkChange: ":pencil2:",
}

// lines are the last lines that fit.
func lines(all []chatops.Line, most int) string {
	var out []string
	used := 40
	for i, l := range slices.Backward(all) {
		text := line(l)
		used += utf8.RuneCountInString(text) + 1
		if used > most {
			out = append(out, fmt.Sprintf("… %d lines before", i+1))
			break
		}
		out = append(out, text)
	}
	slices.Reverse(out)
	return strings.Join(out, "\n")
}

// maxLine is how long one line may be, and how many lines below it are shown.
const (
	maxLine   = 400
	maxDetail = 10
)

func line(l chatops.Line) string {
	sign := signs[l.Mark]
	if sign == "" {
		sign = ":small_blue_diamond:"
	}
	text := sign + " "
	if name := strings.TrimSpace(l.Name); name != "" {
		text += "*" + clipSafe(name, 100) + "* "
	}
	text += shortenSafe(oneLine(l.Text), maxLine, middle)
	if l.Took > 0 {
		text += " (" + chatops.Elapsed(l.Took) + ")"
	}
	all, detail := []string{text}, l.Detail
	more := len(detail) > maxDetail
	switch {
	case more && l.Tail:
		all, detail = append(all, "…"), detail[len(detail)-maxDetail:]
	case more:
		detail = detail[:maxDetail]
	}
	for _, d := range detail {
		all = append(all, clipSafe(d, maxLine/2))
	}
	if more && !l.Tail {
		all = append(all, "…")
	}
	return strings.Join(all, "\n      ")
}

func buttons(c chatops.Card) []slack.BlockElement {
	var out []slack.BlockElement
	for i, b := range c.Buttons {
		id := actionPrefix + string(b.Do) + actionVersion
		if b.Do == chatops.DoChoose {
			id = fmt.Sprintf("%s.%d", id, i)
		}
		e := slack.NewButtonBlockElement(id, b.Value, plainText(b.Label, maxLabel))
		switch {
		case b.Good:
			e = e.WithStyle(slack.StylePrimary)
		case b.Bad:
			e = e.WithStyle(slack.StyleDanger)
		}
		if b.Confirm != "" {
			e = e.WithConfirm(slack.NewConfirmationBlockObject(plainText("Are you sure?", 100), plainText(b.Confirm, 300), plainText(b.Label, 30), plainText("Back", 30)))
		}
		out = append(out, e)
	}
	if len(c.Menu) > 0 {
		options := make([]*slack.OptionBlockObject, len(c.Menu))
		for i, b := range c.Menu {
			options[i] = slack.NewOptionBlockObject(string(b.Do)+" "+b.Value, plainText(b.Label, maxOption), nil)
		}
		out = append(out, slack.NewOverflowBlockElement(actionPrefix+menuAction+actionVersion, options...))
	}
	return out
}

// pressed is what an action id and its value say: what is to be done, and
// about what.
func pressed(id, value string) (do chatops.Do, about string, ok bool) {
	name, isOurs := strings.CutPrefix(id, actionPrefix)
	name, _, versioned := strings.Cut(name, ".")
	if !isOurs || !versioned {
		return "", "", false
	}
	if name == menuAction {
		name, value, ok = strings.Cut(value, " ")
		return chatops.Do(name), value, ok
	}
	return chatops.Do(name), value, true
}

// form draws a form that follows a delivery; what is filled in is answered where
// that was. A field's name is the id of its block, so that what is wrong with it
// is shown below it.
func form(f chatops.Form, after *delivery) slack.ModalViewRequest {
	v := modal(f.Title)
	v.Submit = plainText(f.Submit, maxTitle)
	v.CallbackID = actionPrefix + string(f.Do) + actionVersion
	v.PrivateMetadata = after.origin(f.Value)
	if f.Text != "" {
		v.Blocks.BlockSet = append(v.Blocks.BlockSet, section(clipSafe(f.Text, maxSection)))
	}
	for _, field := range f.Fields {
		var hint *slack.TextBlockObject
		if field.Hint != "" {
			hint = plainText(field.Hint, 150)
		}
		b := slack.NewInputBlock(field.Name, plainText(field.Label, 2000), hint, element(field))
		b.Optional = field.Optional
		v.Blocks.BlockSet = append(v.Blocks.BlockSet, b)
	}
	return v
}

// maxChoices is how many options a select may have. Of more one is written.
const maxChoices = 100

func element(f chatops.FormField) slack.BlockElement {
	if len(f.Choices) == 0 || len(f.Choices) > maxChoices {
		e := slack.NewPlainTextInputBlockElement(nil, f.Name)
		e.Multiline, e.InitialValue = f.Long, f.Initial
		return e
	}
	var options []*slack.OptionBlockObject
	var initial *slack.OptionBlockObject
	for _, c := range f.Choices {
		o := slack.NewOptionBlockObject(c, plainText(c, maxOption), nil)
		options = append(options, o)
		if c == f.Initial {
			initial = o
		}
	}
	e := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, f.Name, options...)
	e.InitialOption = initial
	return e
}

// show draws a card to be read in a window of its own, without cuts. For what
// has no room in it any more it says so, and where it is.
func (p painter) show(c chatops.Card) slack.ModalViewRequest {
	v := modal(c.Title)
	room := space{left: maxWindow}
	for i, part := range c.Parts {
		for _, piece := range pieces(part) {
			v.Blocks.BlockSet = append(v.Blocks.BlockSet, p.part(piece, &room)...)
			if len(v.Blocks.BlockSet) >= maxView-2 || room.left < maxSection {
				v.Blocks.BlockSet = append(v.Blocks.BlockSet, small(fmt.Sprintf("… Slack has no room for the rest, from part %d of %d on; firebreak runs show has all of it", i+1, len(c.Parts))))
				return v
			}
		}
	}
	return v
}

// maxLines is how many lines there are in a piece, so that all of them fit.
const maxLines = 5

// pieces cuts what is long into parts that Slack takes.
func pieces(part chatops.Part) []chatops.Part {
	var out []chatops.Part
	if len(part.Lines) > maxLines {
		for some := range slices.Chunk(part.Lines, maxLines) {
			out = append(out, chatops.Part{Title: part.Title, Text: part.Text, Lines: some})
			part.Title, part.Text = "", ""
		}
		return out
	}
	const most = maxSection - 350 // a title, and what makes it code
	rest := []rune(chatops.Plain(part.Text))
	for part.Code && len(rest) > 0 {
		n, size, line := 0, 0, 0
		for n < len(rest) && size <= most {
			if rest[n] == '\n' && size > most/2 {
				line = n + 1
			}
			size += width(rest[n])
			n++
		}
		if size > most && line > 0 {
			n = line
		}
		out = append(out, chatops.Part{Title: part.Title, Code: true, Text: string(rest[:n])})
		rest, part.Title = rest[n:], ""
	}
	if out == nil {
		return []chatops.Part{part}
	}
	return out
}

func modal(title string) slack.ModalViewRequest {
	return slack.ModalViewRequest{Type: slack.VTModal, Title: plainText(oneLine(title), maxTitle), Close: plainText("Close", maxTitle)}
}

func section(text string) slack.Block { return slack.NewSectionBlock(markdown(text), nil, nil) }

func small(text string) slack.Block { return slack.NewContextBlock("", markdown(text)) }

func markdown(text string) *slack.TextBlockObject {
	t := slack.NewTextBlockObject(slack.MarkdownType, text, false, true)
	return t
}

func plainText(text string, most int) *slack.TextBlockObject {
	if strings.TrimSpace(text) == "" {
		text = "–"
	}
	return slack.NewTextBlockObject(slack.PlainTextType, clip(chatops.Plain(text), most), false, false)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
