package runbook

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// Frame is what the names in the expressions of some steps mean: those of a
// runbook, or of one item of a foreach. The names of a runbook that is called
// are its own; an item sees those around it, too.
type Frame struct {
	Path   string // of the call or the item that makes it; empty: the runbook itself
	File   string // in which its steps are written
	Outer  *Frame // nil: the runbook itself
	Inputs []Input
	Call   *Call // of a runbook that is called
	Each   *Each // of an item
	Item   json.RawMessage

	byID map[string]*Step
}

// IDs returns the steps of the frame that have an id, by it.
func (f *Frame) IDs() map[string]*Step { return f.byID }

// Around returns the frame itself and those whose names it sees, too: the
// nearest first, that of a runbook last.
func (f *Frame) Around() []*Frame {
	frames := []*Frame{f}
	for f.Each != nil {
		f = f.Outer
		frames = append(frames, f)
	}
	return frames
}

// ByID returns the step that an id means in the frame, or nil.
func (f *Frame) ByID(id string) *Step {
	for _, at := range f.Around() {
		if s := at.byID[id]; s != nil {
			return s
		}
	}
	return nil
}

// Producers returns the steps of a group that produce what an expression of the
// frame reads, through the inputs of a call, too: those it names, and those
// that set the variables it names.
func (f *Frame) Producers(program *expr.Program, group *Step) []*Step {
	var all []*Step
	for _, name := range program.Names() {
		all = append(all, f.produced(name, group)...)
		root := f.root()
		if name[0] != "inputs" || root.Call == nil {
			continue
		}
		given := root.Call.With
		if len(name) > 1 {
			given = given.Field(name[1])
		}
		for _, p := range given.Programs() {
			all = append(all, root.Outer.Producers(p, group)...)
		}
	}
	return all
}

// produced are the steps of a group that produce what a name of the frame
// itself means.
func (f *Frame) produced(name []string, group *Step) []*Step {
	var all []*Step
	around := f.Around()
	is := func(i int, is string) bool { return len(name) <= i || name[i] == is }
	Walk(group.Steps, func(s *Step) {
		switch {
		case !slices.Contains(around, s.Frame):
		case name[0] == "steps" && s.ID != "" && is(1, s.ID),
			name[0] == "vars" && slices.ContainsFunc(s.Set, func(a Assignment) bool { return is(1, a.Name) }):
			all = append(all, s)
		}
	})
	return all
}

// root is the frame of the runbook that a frame belongs to.
func (f *Frame) root() *Frame {
	around := f.Around()
	return around[len(around)-1]
}

// Call is a runbook that a step calls. Its steps are those of the step.
type Call struct {
	Name    string
	With    *expr.Value // its inputs, in the names of the frame around
	Outputs *expr.Value // in its own names; nil: it has none
	Frame   *Frame
}

// Each says how a foreach goes through a list. Until the list is known the
// step holds one group, the template of an item; then one for each item.
type Each struct {
	List        *expr.Value
	Item        *expr.Type // of an item
	Concurrency int        // items that go on side by side
	MaxFailures int        // items that may fail, as long as they leave nothing changed
	Outputs     *expr.Type // what it returns: a list with an object for each item, in their order, of the outputs of its steps by id
	Unrolled    bool
}

// templateName is the last part of the path of a foreach's template.
const templateName = "item"

// Unroll returns the runbook with the template of a foreach replaced by a group
// for each item. The runbook itself stays as it is. A path that is none of a
// foreach, or of one that is unrolled, returns the runbook itself.
func (r *Runbook) Unroll(path string, items []json.RawMessage) *Runbook {
	old := r.byPath[path]
	if old == nil || old.Each == nil || old.Each.Unrolled {
		return r
	}
	c := copier{steps: map[*Step]*Step{}, frames: map[*Frame]*Frame{}, book: *r, at: old, items: items}
	c.book.byPath = make(map[string]*Step, len(r.byPath))
	c.book.Steps, c.book.OnFailure, c.book.Finally = c.list(r.Steps, nil), c.list(r.OnFailure, nil), c.list(r.Finally, nil)
	c.book.Frame = c.frames[r.Frame]
	return &c.book
}

// MaxUnrolled bounds the steps of a run, those of all items included.
const MaxUnrolled = 10_000

// Unrolled is how many steps the runbook would have with a foreach unrolled for
// so many items.
func (r *Runbook) Unrolled(step *Step, items int) int {
	each := 0
	Walk(step.Steps[:1], func(*Step) { each++ })
	return len(r.byPath) + (items-1)*each
}

// copier copies the steps of a runbook and unrolls one of them. What a step
// is made of besides steps never changes, and is shared.
type copier struct {
	book   Runbook
	at     *Step // the foreach that is unrolled
	items  []json.RawMessage
	steps  map[*Step]*Step
	frames map[*Frame]*Frame
	from   string // path of the template that is copied; empty: none
	to     string // path of the item that it becomes
}

func (c *copier) list(steps []*Step, parent *Step) []*Step {
	out := make([]*Step, len(steps))
	for i, s := range steps {
		out[i] = c.step(s, parent)
	}
	return out
}

func (c *copier) step(s *Step, parent *Step) *Step {
	n := *s
	n.Parent = parent
	n.Path = c.moved(s.Path)
	n.Frame = c.frame(s.Frame)
	if s.Of != nil {
		n.Of = c.steps[s.Of]
	}
	c.steps[s] = &n
	c.book.byPath[n.Path] = &n
	if n.ID != "" {
		n.Frame.byID[n.ID] = &n
	}
	if s.Call != nil {
		n.Call = c.frame(s.Call.Frame).Call
	}
	if s.Each != nil {
		each := *s.Each
		each.Unrolled = each.Unrolled || s == c.at
		n.Each = &each
	}
	if s == c.at {
		n.Steps = c.unrolled(s, &n)
	} else {
		n.Steps = c.list(s.Steps, &n)
	}
	return &n
}

// unrolled makes a group for each item.
func (c *copier) unrolled(s, parent *Step) []*Step {
	template := s.Steps[0]
	steps := make([]*Step, len(c.items))
	around := c.frames
	for i, item := range c.items {
		c.from, c.to = template.Path, parent.Path+"/"+strconv.Itoa(i+1)
		c.frames = maps.Clone(around)
		frame := *template.Frame
		frame.Path, frame.Outer, frame.Item, frame.byID = c.to, parent.Frame, item, map[string]*Step{}
		frame.Each = parent.Each
		c.frames[template.Frame] = &frame
		steps[i] = c.step(template, parent)
	}
	c.from, c.frames = "", around
	return steps
}

func (c *copier) moved(path string) string {
	if rest, ok := strings.CutPrefix(path, c.from); ok && c.from != "" {
		return c.to + rest
	}
	return path
}

func (c *copier) frame(f *Frame) *Frame {
	if n := c.frames[f]; n != nil {
		return n
	}
	n := *f
	c.frames[f] = &n
	n.byID = make(map[string]*Step, len(f.byID))
	n.Path = c.moved(f.Path)
	if f.Outer != nil {
		n.Outer = c.frame(f.Outer)
	}
	if f.Call != nil {
		call := *f.Call
		call.Frame = &n
		n.Call = &call
	}
	return &n
}

// Template reports whether a step belongs to a foreach whose list is not known
// yet: it stands for steps that there are none of so far.
func (s *Step) Template() bool {
	for at := s; at.Parent != nil; at = at.Parent {
		if at.Parent.Each != nil && !at.Parent.Each.Unrolled {
			return true
		}
	}
	return false
}

// ItemOf returns the group of the item that a step belongs to, of the nearest
// foreach around it; nil: it belongs to none.
func (s *Step) ItemOf() *Step {
	for at := s; at.Parent != nil; at = at.Parent {
		if at.Parent.Each != nil {
			return at
		}
	}
	return nil
}

// outputsOf is the type of what a foreach returns. What an item may not have
// made is absent: that of steps that sure does not know to have run.
func outputsOf(item *Frame, sure func(*Step) bool) *expr.Type {
	fields := map[string]*expr.Type{}
	for id, s := range item.byID {
		switch typ := s.OutputType(); {
		case typ == nil:
		case sure(s):
			fields[id] = typ.OrNull()
		default:
			fields[id] = typ.Absent(s.Path)
		}
	}
	return &expr.Type{Kinds: expr.List, Elem: expr.Record(fields)}
}
