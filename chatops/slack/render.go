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

// draw draws a card. Whatever its text, what comes of it is within Slack's
// limits.
func (p painter) draw(c chatops.Card) drawn {
	d := drawn{text: clipSafe(c.Brief, maxBrief)}
	if c.Title != "" {
		d.blocks = append(d.blocks, slack.NewHeaderBlock(plainText(oneLine(c.Title), maxHeader)))
	}
	room := maxShown
	last := maxBlocks - 4 // title, who is called, buttons, and what is left out
	for i, part := range c.Parts {
		d.blocks = append(d.blocks, p.part(part, &room)...)
		if (len(d.blocks) >= last || room <= 0) && i < len(c.Parts)-1 {
			d.blocks = append(d.blocks, small(fmt.Sprintf("… and %d parts more; Details has them, and firebreak runs show", len(c.Parts)-1-i)))
			break
		}
	}
	if call := p.call(c.Call); call != "" {
		d.blocks = append(d.blocks, section(call))
	}
	if elements := buttons(c); len(elements) > 0 {
		d.blocks = append(d.blocks, slack.NewActionBlock("rb", elements...))
	}
	return d
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

// part draws a piece of a card; room is how many characters may still come.
func (p painter) part(part chatops.Part, room *int) []slack.Block {
	var blocks []slack.Block
	add := func(text string) {
		if text != "" {
			*room -= utf8.RuneCountInString(text)
			blocks = append(blocks, section(text))
		}
	}
	title := ""
	if part.Title != "" {
		title = "*" + clipSafe(oneLine(part.Title), 300) + "*\n"
	}
	most := min(maxSection, max(*room, 200)) - utf8.RuneCountInString(title)
	switch {
	case part.Small:
		return append(blocks, smalls(part)...)
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
	if fields := fieldsOf(part.Fields); len(fields) > 0 {
		blocks = append(blocks, slack.NewSectionBlock(nil, fields, nil))
	}
	return blocks
}

// maxFields is how many fields a section may have.
const maxFields = 10

func fieldsOf(all []chatops.Field) []*slack.TextBlockObject {
	var out []*slack.TextBlockObject
	for i, f := range all {
		if i == maxFields {
			break
		}
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
	maxDetail = 6
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
	text += clipSafe(oneLine(l.Text), maxLine)
	if l.Took > 0 {
		text += " (" + chatops.Elapsed(l.Took) + ")"
	}
	all := []string{text}
	for i, d := range l.Detail {
		if i == maxDetail {
			all = append(all, "…")
			break
		}
		all = append(all, clipSafe(d, maxLine/2))
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

// form draws a form that somebody is shown in a channel, or a thread of it; the
// answer to what they fill in goes there. A field's name is the id of its
// block, so that what is wrong with it is shown below it.
func form(f chatops.Form, channel, thread string) slack.ModalViewRequest {
	v := modal(f.Title)
	v.Submit = plainText(f.Submit, maxTitle)
	v.CallbackID = actionPrefix + string(f.Do) + actionVersion
	v.PrivateMetadata = strings.Join([]string{f.Value, channel, thread}, "\n")
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

// maxChoices is how many options a select may have.
const maxChoices = 100

func element(f chatops.FormField) slack.BlockElement {
	if len(f.Choices) == 0 {
		e := slack.NewPlainTextInputBlockElement(nil, f.Name)
		e.Multiline, e.InitialValue = f.Long, f.Initial
		return e
	}
	var options []*slack.OptionBlockObject
	var initial *slack.OptionBlockObject
	for i, c := range f.Choices {
		if i == maxChoices {
			break
		}
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

// show draws a card to be read in a window of its own.
func (p painter) show(c chatops.Card) slack.ModalViewRequest {
	v := modal(c.Title)
	room := 20 * maxSection
	for _, part := range c.Parts {
		for _, piece := range pieces(part) {
			if blocks := p.part(piece, &room); len(v.Blocks.BlockSet)+len(blocks) < 100 && room > 0 {
				v.Blocks.BlockSet = append(v.Blocks.BlockSet, blocks...)
			}
		}
	}
	return v
}

// pieces cuts a long text into parts that Slack takes.
func pieces(part chatops.Part) []chatops.Part {
	const most = maxSection / 2
	if !part.Code || utf8.RuneCountInString(part.Text) <= most {
		return []chatops.Part{part}
	}
	var out []chatops.Part
	rest := []rune(part.Text)
	for len(rest) > 0 {
		n := min(most, len(rest))
		for i := n - 1; n < len(rest) && i > most/2; i-- {
			if rest[i] == '\n' {
				n = i + 1
				break
			}
		}
		out = append(out, chatops.Part{Title: part.Title, Code: true, Text: string(rest[:n])})
		rest, part.Title = rest[n:], ""
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
