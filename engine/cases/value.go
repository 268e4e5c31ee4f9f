package cases

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// value is what somebody wrote, complete by its type. A time in it may be
// relative to the virtual clock.
type value struct {
	tree   any
	varies bool // it holds a moment
	raw    json.RawMessage
}

// moment is a time relative to the call that returns it.
type moment time.Duration

// relative is how such a time is written.
var relative = regexp.MustCompile(`^now([+-][0-9.a-zµ]+)?$`)

func newValue(t *expr.Type, tree any) *value {
	v := &value{tree: complete(t, tree)}
	v.varies = holdsMoment(v.tree)
	if !v.varies {
		v.raw = rawOf(v.tree)
	}
	return v
}

// at is the value as JSON, for a call at a time. A nil value is none.
func (v *value) at(now time.Time) json.RawMessage {
	switch {
	case v == nil:
		return nil
	case v.varies:
		return rawOf(resolve(v.tree, now))
	default:
		return v.raw
	}
}

func rawOf(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null") // cannot be: it is made of what JSON has
	}
	return raw
}

// complete adds the fields that a type requires, as empty as it allows, and
// reads relative times.
func complete(t *expr.Type, v any) any {
	if t == nil {
		return v
	}
	switch v := v.(type) {
	case string:
		if m := relative.FindStringSubmatch(v); m != nil && t.Format == "date-time" {
			if m[1] == "" {
				return moment(0)
			}
			if d, err := time.ParseDuration(m[1]); err == nil {
				return moment(d)
			}
		}
		return v
	case []any:
		for i := range v {
			v[i] = complete(t.Elem, v[i])
		}
		return v
	case map[string]any:
		for name := range v {
			if field := t.Fields[name]; field != nil {
				v[name] = complete(field, v[name])
			} else {
				v[name] = complete(t.Extra, v[name])
			}
		}
		for name := range t.Required {
			if _, ok := v[name]; !ok {
				v[name] = empty(t.Fields[name])
			}
		}
		return v
	default:
		return v
	}
}

// empty is the emptiest value that a type allows.
func empty(t *expr.Type) any {
	switch {
	case t == nil || t.Kinds&expr.Null != 0:
		return nil
	case t.Kinds&expr.Object != 0:
		return complete(t, map[string]any{})
	case t.Kinds&expr.List != 0:
		return []any{}
	case t.Kinds&expr.String != 0 && t.Format == "date-time":
		return moment(0)
	case t.Kinds&expr.String != 0 && t.Format == "go-duration":
		return "0s"
	case t.Kinds&expr.String != 0 && len(t.Enum) > 0:
		return t.Enum[0]
	case t.Kinds&expr.String != 0:
		return ""
	case t.Kinds&expr.Bool != 0:
		return false
	default:
		return 0
	}
}

func holdsMoment(v any) bool {
	switch v := v.(type) {
	case moment:
		return true
	case []any:
		return slices.ContainsFunc(v, holdsMoment)
	case map[string]any:
		for _, item := range v {
			if holdsMoment(item) {
				return true
			}
		}
	}
	return false
}

func resolve(v any, now time.Time) any {
	switch v := v.(type) {
	case moment:
		return now.Add(time.Duration(v)).UTC().Format(time.RFC3339Nano)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = resolve(item, now)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[name] = resolve(item, now)
		}
		return out
	default:
		return v
	}
}

// typed reads a value of a type. what says for messages which it is. It is
// nil after a problem.
func (p *parser) typed(n *yaml.Node, t *expr.Type, what string) *value {
	tree, ok := p.file.Literal(n)
	if !ok {
		return nil
	}
	if tree == nil && n.Kind == yaml.ScalarNode && t != nil && t.Kinds&expr.Null == 0 && t.Kinds&expr.Object != 0 {
		tree = map[string]any{} // `outputs:` with nothing behind it
	}
	v := newValue(t, tree)
	if _, err := t.Check(resolve(v.tree, epoch)); err != nil {
		at, text := blame(n, err.Error())
		p.file.Add(at, "wrong-type", what+": "+text, "")
		return nil
	}
	return v
}

// blame finds the node that an error of a type names.
func blame(n *yaml.Node, text string) (runbook.Pos, string) {
	path, _, ok := strings.Cut(text, ": ")
	if !ok || strings.Contains(path, " ") {
		return runbook.PosOf(n), text
	}
	for word := range strings.SplitSeq(path, ".") {
		next := childOf(n, word)
		if next == nil {
			break
		}
		n = next
	}
	return runbook.PosOf(n), text
}

func childOf(n *yaml.Node, word string) *yaml.Node {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value == word {
			return n.Content[i+1]
		}
	}
	if n.Kind == yaml.SequenceNode {
		for i, item := range n.Content {
			if word == strconv.Itoa(i) {
				return item
			}
		}
	}
	return nil
}
