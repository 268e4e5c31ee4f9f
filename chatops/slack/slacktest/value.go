package slacktest

import (
	"fmt"
	"strconv"
	"strings"
)

// valueOf is the state of an element where a person has put in text.
func valueOf(el Block, in string) (result, error) {
	kind, _ := el["type"].(string)
	w := result{"type": kind}
	pick := func(value string) (Block, error) {
		for _, o := range options(el) {
			if o["value"] == value {
				return o, nil
			}
		}
		return nil, fmt.Errorf("%v has no option %q", el["action_id"], value)
	}
	switch kind {
	case "overflow", "static_select", "radio_buttons":
		o, err := pick(in)
		if err != nil {
			return nil, err
		}
		w["selected_option"] = o
	case "checkboxes", "multi_static_select":
		all := []Block{}
		for value := range strings.SplitSeq(in, ",") {
			if value == "" {
				continue
			}
			o, err := pick(value)
			if err != nil {
				return nil, err
			}
			all = append(all, o)
		}
		w["selected_options"] = all
	case "users_select":
		w["selected_user"] = in
	case "multi_users_select":
		w["selected_users"] = strings.Split(in, ",")
	case "conversations_select":
		w["selected_conversation"] = in
	case "channels_select":
		w["selected_channel"] = in
	case "datepicker":
		w["selected_date"] = in
	case "timepicker":
		w["selected_time"] = in
	case "datetimepicker":
		n, err := strconv.ParseInt(in, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%v takes seconds since 1970, not %q", el["action_id"], in)
		}
		w["selected_date_time"] = n
	default:
		w["value"] = in
	}
	return w, nil
}

// empty is the state of an element that nobody has touched.
func empty(el Block) result {
	kind, _ := el["type"].(string)
	w := result{"type": kind}
	for from, to := range map[string]string{
		"initial_value": "value", "initial_option": "selected_option", "initial_options": "selected_options", "initial_user": "selected_user",
		"initial_date": "selected_date", "initial_time": "selected_time", "initial_date_time": "selected_date_time",
		"initial_conversation": "selected_conversation", "initial_channel": "selected_channel",
	} {
		if v, there := el[from]; there {
			w[to] = v
		}
	}
	if len(w) > 1 {
		return w
	}
	switch kind {
	case "checkboxes", "multi_static_select":
		w["selected_options"] = []Block{}
	case "static_select", "radio_buttons":
		w["selected_option"] = nil
	case "users_select":
		w["selected_user"] = nil
	default:
		w["value"] = nil
	}
	return w
}

// state is the values of all that a person can fill in.
func state(blocks []Block, filled map[string]result) result {
	values := result{}
	for _, b := range blocks {
		for _, el := range elements(b) {
			kind, _ := el["type"].(string)
			_, input := inputs[kind]
			_, other := interactive[kind]
			if kind == "button" || kind == "overflow" || !input && !other {
				continue
			}
			block, _ := b["block_id"].(string)
			action, _ := el["action_id"].(string)
			v, there := filled[action]
			if !there {
				v = empty(el)
			}
			if values[block] == nil {
				values[block] = result{}
			}
			if m, ok := values[block].(result); ok {
				m[action] = v
			}
		}
	}
	return values
}

func (v *view) initial() result { return state(v.blocks, nil) }
