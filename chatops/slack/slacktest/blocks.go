package slacktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Block is a block or an element of one, as Slack keeps it.
type Block = map[string]any

// check collects what is wrong with blocks, in Slack's words.
type check struct{ problems []string }

func (c *check) failf(at, format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf("[ERROR] %s [json-pointer:%s]", fmt.Sprintf(format, args...), at))
}

// rule checks the value at a place.
type rule func(c *check, at string, v any)

type fields map[string]rule

// object has the fields named, no others, and those that must be.
func object(known fields, must ...string) rule {
	return func(c *check, at string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			c.failf(at, "must be an object")
			return
		}
		for _, name := range slices.Sorted(keys(m)) {
			if name == "type" {
				continue
			}
			if _, there := known[name]; !there {
				c.failf(at, "invalid additional property: %s", name)
			}
		}
		open(known, must...)(c, at, m)
	}
}

// open has the fields named and any others: a kind that is not looked into.
func open(known fields, must ...string) rule {
	return func(c *check, at string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			c.failf(at, "must be an object")
			return
		}
		for _, name := range must {
			if _, there := m[name]; !there {
				c.failf(at, "missing required field: %s", name)
			}
		}
		for _, name := range slices.Sorted(keys(m)) {
			if r, there := known[name]; there {
				r(c, at+"/"+name, m[name])
			}
		}
	}
}

func keys(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// length is that of a text of at least least and at most most characters.
func length(least, most int) rule {
	return func(c *check, at string, v any) {
		s, ok := v.(string)
		switch n := utf8.RuneCountInString(s); {
		case !ok:
			c.failf(at, "must be a string")
		case n < least:
			c.failf(at, "must be more than %d characters", least-1)
		case n > most:
			c.failf(at, "must be less than %d characters", most+1)
		}
	}
}

// text is a text object; plain allows plain_text only.
func text(most int, plain bool) rule {
	return func(c *check, at string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			c.failf(at, "must be an object")
			return
		}
		kind, _ := m["type"].(string)
		if kind != "plain_text" && (plain || kind != "mrkdwn") {
			c.failf(at+"/type", "unsupported type: %s", kind)
			return
		}
		known := fields{"text": length(1, most), "emoji": boolean, "verbatim": boolean}
		if kind == "plain_text" {
			delete(known, "verbatim")
		} else {
			delete(known, "emoji")
		}
		object(known, "text")(c, at, v)
	}
}

func list(least, most int, each rule) rule {
	return func(c *check, at string, v any) {
		l, ok := v.([]any)
		switch {
		case !ok:
			c.failf(at, "must be an array")
			return
		case len(l) < least:
			c.failf(at, "no fewer than %d items allowed", least)
		case len(l) > most:
			c.failf(at, "no more than %d items allowed", most)
		}
		for i, e := range l {
			each(c, at+"/"+strconv.Itoa(i), e)
		}
	}
}

func word(allowed ...string) rule {
	return func(c *check, at string, v any) {
		if s, ok := v.(string); !ok || !slices.Contains(allowed, s) {
			c.failf(at, "must be one of %v", allowed)
		}
	}
}

func boolean(c *check, at string, v any) {
	if _, ok := v.(bool); !ok {
		c.failf(at, "must be a boolean")
	}
}

func number(c *check, at string, v any) {
	if _, ok := v.(float64); !ok {
		c.failf(at, "must be an integer")
	}
}

func anything(*check, string, any) {}

// oneOf checks an object by its type.
func oneOf(kinds func() fields) rule {
	return func(c *check, at string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			c.failf(at, "must be an object")
			return
		}
		kind, _ := m["type"].(string)
		r := kinds()[kind]
		if r == nil {
			c.failf(at+"/type", "unsupported type: %s", kind)
			return
		}
		r(c, at, v)
	}
}

var (
	confirm = object(fields{
		"title": text(100, true), "text": text(300, false), "confirm": text(30, true), "deny": text(30, true),
		"style": word("primary", "danger"),
	}, "title", "text", "confirm", "deny")

	option = object(fields{
		"text": text(75, false), "value": length(1, 150), "description": text(75, false), "url": length(1, 3000),
	}, "text", "value")

	optionGroup = object(fields{"label": text(75, true), "options": list(1, 100, option)}, "label", "options")

	image = object(fields{
		"image_url": length(1, 3000), "slack_file": anything, "alt_text": length(1, 2000),
	}, "alt_text")
)

// actionable adds what all elements have that a person acts on.
func actionable(more fields, must ...string) rule {
	known := fields{"action_id": length(1, 255), "confirm": confirm, "focus_on_load": boolean, "placeholder": text(150, true)}
	maps.Copy(known, more)
	return object(known, must...)
}

// choosing is a select; its initial option is one of its options.
func choosing(more fields, must ...string) rule {
	inner := actionable(more, must...)
	return func(c *check, at string, v any) {
		inner(c, at, v)
		m, _ := v.(map[string]any)
		initial, there := m["initial_option"]
		if there && !slices.ContainsFunc(options(m), func(o Block) bool { return reflect.DeepEqual(any(o), initial) }) {
			c.failf(at+"/initial_option", "must be one of the provided options")
		}
	}
}

// options are those of an element, its groups' included.
func options(element Block) []Block {
	var all []Block
	groups, _ := element["option_groups"].([]any)
	for _, from := range append([]any{any(element)}, groups...) {
		m, _ := from.(map[string]any)
		l, _ := m["options"].([]any)
		for _, o := range l {
			if b, ok := o.(map[string]any); ok {
				all = append(all, b)
			}
		}
	}
	return all
}

var interactive = fields{
	"button": object(fields{
		"text": text(75, true), "action_id": length(1, 255), "url": length(1, 3000), "value": length(1, 2000),
		"style": word("primary", "danger"), "confirm": confirm, "accessibility_label": length(1, 75),
		"visible_to_user_ids": list(1, 100, length(1, 20)),
	}, "text"),
	"overflow":                   actionable(fields{"options": list(1, 5, option)}, "options"),
	"static_select":              choosing(fields{"options": list(1, 100, option), "option_groups": list(1, 100, optionGroup), "initial_option": option}),
	"multi_static_select":        actionable(fields{"options": list(1, 100, option), "option_groups": list(1, 100, optionGroup), "initial_options": list(1, 100, option), "max_selected_items": number}),
	"external_select":            actionable(fields{"initial_option": option, "min_query_length": number}),
	"users_select":               actionable(fields{"initial_user": length(1, 20)}),
	"multi_users_select":         actionable(fields{"initial_users": anything, "max_selected_items": number}),
	"conversations_select":       actionable(fields{"initial_conversation": length(1, 20), "default_to_current_conversation": boolean, "response_url_enabled": boolean, "filter": anything}),
	"multi_conversations_select": actionable(fields{"initial_conversations": anything, "default_to_current_conversation": boolean, "max_selected_items": number, "filter": anything}),
	"channels_select":            actionable(fields{"initial_channel": length(1, 20), "response_url_enabled": boolean}),
	"datepicker":                 actionable(fields{"initial_date": length(10, 10)}),
	"timepicker":                 actionable(fields{"initial_time": length(5, 5), "timezone": length(1, 100)}),
	"datetimepicker":             actionable(fields{"initial_date_time": number}),
	"checkboxes":                 actionable(fields{"options": list(1, 10, option), "initial_options": list(1, 10, option)}, "options"),
	"radio_buttons":              choosing(fields{"options": list(1, 10, option), "initial_option": option}, "options"),
}

var inputs = fields{
	"plain_text_input": actionable(fields{
		"initial_value": length(0, 3000), "multiline": boolean, "min_length": number, "max_length": number,
		"dispatch_action_config": anything,
	}),
	"number_input":     actionable(fields{"is_decimal_allowed": boolean, "initial_value": anything, "min_value": anything, "max_value": anything, "dispatch_action_config": anything}, "is_decimal_allowed"),
	"email_text_input": actionable(fields{"initial_value": anything, "dispatch_action_config": anything}),
	"url_text_input":   actionable(fields{"initial_value": anything, "dispatch_action_config": anything}),
	"rich_text_input":  actionable(fields{"initial_value": anything, "dispatch_action_config": anything}),
	"file_input":       actionable(fields{"filetypes": anything, "max_files": number}),
}

func actions() fields { return interactive }

func accessories() fields {
	all := fields{"image": image}
	maps.Copy(all, interactive)
	return all
}

func inputElements() fields {
	all := fields{}
	for k, r := range interactive {
		if k != "button" && k != "overflow" {
			all[k] = r
		}
	}
	maps.Copy(all, inputs)
	return all
}

func contextElements() fields {
	return fields{"image": image, "plain_text": text(2000, false), "mrkdwn": text(2000, false)}
}

// blockKinds are the blocks there are. What came in 2026 is not looked into
// further than the limits that are written down.
func blockKinds() fields {
	id := length(1, 255)
	all := fields{
		"section": func(c *check, at string, v any) {
			object(fields{
				"block_id": id, "text": text(3000, false), "fields": list(1, 10, text(2000, false)),
				"accessory": oneOf(accessories), "expand": boolean,
			})(c, at, v)
			if m, _ := v.(map[string]any); m["text"] == nil && m["fields"] == nil {
				c.failf(at, "missing required field: text")
			}
		},
		"header":  object(fields{"block_id": id, "text": text(150, true), "level": number}, "text"),
		"divider": object(fields{"block_id": id}),
		"context": object(fields{"block_id": id, "elements": list(1, 10, oneOf(contextElements))}, "elements"),
		"actions": object(fields{"block_id": id, "elements": list(1, 25, oneOf(actions))}, "elements"),
		"image": object(fields{
			"block_id": id, "image_url": length(1, 3000), "slack_file": anything, "alt_text": length(1, 2000), "title": text(2000, true),
		}, "alt_text"),
		"input": object(fields{
			"block_id": id, "label": text(2000, true), "element": oneOf(inputElements), "hint": text(2000, true),
			"optional": boolean, "dispatch_action": boolean,
		}, "label", "element"),
		"markdown":  object(fields{"block_id": id, "text": length(1, 12000)}, "text"),
		"rich_text": object(fields{"block_id": id, "elements": anything}, "elements"),
		"table":     open(fields{"block_id": id, "rows": list(1, 100, list(1, 20, anything))}, "rows"),
		"card":      open(fields{"block_id": id, "title": text(150, false), "body": text(200, false)}),
		"carousel":  open(fields{"block_id": id, "elements": list(1, 10, anything)}, "elements"),
		"container": open(fields{"block_id": id, "title": text(150, false)}),
	}
	for _, kind := range []string{"alert", "context_actions", "data_table", "data_visualization", "file", "layout", "plan", "task_card", "video"} {
		all[kind] = open(fields{"block_id": id})
	}
	return all
}

// readBlocks reads, checks and completes a list of blocks. None is fine.
func readBlocks(raw string, most int) ([]Block, *refusal) {
	if raw == "" {
		return nil, nil
	}
	var l []any
	if err := json.Unmarshal([]byte(raw), &l); err != nil {
		return nil, refuse("invalid_blocks_format")
	}
	c := &check{}
	list(0, most, oneOf(blockKinds))(c, "/blocks", l)
	blocks := make([]Block, 0, len(l))
	seen, markdown := map[string]bool{}, 0
	for i, e := range l {
		b, ok := e.(map[string]any)
		if !ok {
			continue
		}
		at := "/blocks/" + strconv.Itoa(i)
		if id, _ := b["block_id"].(string); id != "" {
			if seen[id] {
				c.failf(at+"/block_id", "`block_id` %q already exists", id)
			}
			seen[id] = true
		}
		if b["type"] == "markdown" {
			t, _ := b["text"].(string)
			markdown += utf8.RuneCountInString(t)
		}
		unique := map[string]bool{}
		for _, el := range elements(b) {
			id, _ := el["action_id"].(string)
			if id != "" && unique[id] {
				c.failf(at, "`action_id` %q already exists in this block", id)
			}
			unique[id] = true
		}
		blocks = append(blocks, b)
	}
	if markdown > 12000 {
		c.failf("/blocks", "markdown blocks have more than 12000 characters in all")
	}
	if len(c.problems) > 0 {
		return nil, &refusal{code: "invalid_blocks", messages: c.problems}
	}
	for _, b := range blocks {
		complete(b)
	}
	return blocks, nil
}

// complete gives the ids that the app left out.
func complete(b Block) {
	if _, there := b["block_id"]; !there {
		b["block_id"] = random(3)
	}
	for _, el := range elements(b) {
		_, element := interactive[fmt.Sprint(el["type"])]
		_, input := inputs[fmt.Sprint(el["type"])]
		if _, there := el["action_id"]; !there && (element || input) {
			el["action_id"] = random(3)
		}
	}
}

// elements are those of a block that a person can act on, and others.
func elements(b Block) []Block {
	var all []Block
	add := func(v any) {
		if m, ok := v.(map[string]any); ok {
			all = append(all, m)
		}
	}
	add(b["accessory"])
	if b["type"] == "input" {
		add(b["element"])
	}
	l, _ := b["elements"].([]any)
	for _, e := range l {
		add(e)
	}
	return all
}

// find is the element with an action id, and its block; nil where none is.
func find(blocks []Block, action string) (block, element Block) {
	for _, b := range blocks {
		for _, el := range elements(b) {
			if el["action_id"] == action {
				return b, el
			}
		}
	}
	return nil, nil
}
