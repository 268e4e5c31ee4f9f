package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/policy"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/server"
)

// identityTimeout is how long the plugins may take to say what a run would
// change.
const identityTimeout = 10 * time.Second

// request is what somebody wants to run.
type request struct {
	runbook   *runbook.Runbook
	origins   []policy.Origin // of it; nil: not known
	inputs    map[string]json.RawMessage
	alert     json.RawMessage
	requester engine.Requester
}

// facts gathers what a run is started with: the service and what it is made
// of, the people, and digests of all that decides. It asks the plugins which
// resources the run could change, so it blocks until they answer.
func (w *workspace) facts(ctx context.Context, h *host.Host, q request) (engine.Facts, error) {
	f := engine.Facts{
		Runbook: q.runbook.Name, Origins: q.origins, Requester: q.requester, Inputs: q.inputs, Alert: q.alert,
		Roles: w.roles(), Resources: map[string]string{}, Rules: engine.Rules,
		Pins: engine.Pins{Runbook: q.runbook.Digest, Config: w.config.Digest, Actions: w.actions, Plugins: map[string]string{}},
	}
	if err := w.fits(q.runbook); err != nil {
		return f, err
	}
	if q.requester.Automatic() {
		if err := unwaived(q.runbook); err != nil {
			return f, err
		}
	}
	name, err := serviceOf(q)
	if err != nil || name == "" {
		return f, err
	}
	svc, ok := w.config.Services[name]
	if !ok {
		return f, fail(exitNotFound, "configured are: "+orNone(slices.Sorted(maps.Keys(w.config.Services))),
			"there is no service %s in %s", name, w.config.File)
	}
	f.Service, f.Environment, f.Owner = name, svc.Environment, svc.Owner
	return f, w.bindings(ctx, h, q.runbook, &f)
}

// unwaived refuses a runbook with a verify that is not waived any more: what it
// changes nobody looks at, and nobody answers for that.
func unwaived(book *runbook.Runbook) error {
	over := book.Expired(time.Now().UTC().Format(time.DateOnly))
	if len(over) == 0 {
		return nil
	}
	p := over[0]
	return fail(exitProblems, p.Hint, "%s:%d:%d: %s, so automation does not begin it", p.File, p.Pos.Line, p.Pos.Col, p.What)
}

// roles are the people of the configuration by what they may decide.
func (w *workspace) roles() map[string]engine.Role {
	roles := map[string]engine.Role{}
	for name, role := range w.config.Roles {
		people := role.Members()
		if bot := w.chat.Load(); bot != nil {
			for _, person := range bot.Members(name) {
				if !slices.Contains(people, person) {
					people = append(people, person)
				}
			}
		}
		roles[name] = engine.Role{People: people, BreakGlass: role.BreakGlass, AtMost: role.AtMost}
	}
	return roles
}

// rolesOf are the roles that somebody has.
func (w *workspace) rolesOf(person string) []string {
	var all []string
	for name, role := range w.roles() {
		if slices.Contains(role.People, person) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// bindings opens every section of the service that the run cannot do without,
// so that what is configured wrongly is known before anybody is asked: its
// mutations, guards, verifies and undos, and its reads that are not optional.
// It finds the identities that the run may change, and pins the plugins that it
// would call. A plugin that does not answer now is not pinned; what it changes
// is then not locked ahead, and the run says so when its turn comes.
func (w *workspace) bindings(ctx context.Context, h *host.Host, book *runbook.Runbook, f *engine.Facts) error {
	ctx, cancel := context.WithTimeout(ctx, identityTimeout)
	defer cancel()
	svc := w.config.Services[f.Service]
	var mu sync.Mutex // guards f
	group, ctx := errgroup.WithContext(ctx)
	for key, action := range needs(book) {
		section, ok := svc.Sections[key.capability]
		if !ok {
			return fail(exitProblems, fmt.Sprintf("add `%s: {plugin: …}` to services.%s", key.capability, f.Service),
				"%s uses %s, but service %s has no %s", book.Name, action, f.Service, key.capability)
		}
		group.Go(func() error {
			id, err := h.Identity(ctx, host.BindingKey{Service: f.Service, Capability: key.capability, Access: key.access})
			if refused, ok := errors.AsType[*plugins.Failure](err); ok && refused.Class == plugins.Invalid {
				return fail(exitProblems, fmt.Sprintf("correct services.%s.%s in firebreak.yaml", f.Service, key.capability), "%s: %w", section.Plugin, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil && key.access == plugins.Mutate {
				f.Resources[key.capability] = id
			}
			if served := h.Served(section.Plugin); served != "" {
				f.Pins.Plugins[section.Plugin] = served
			}
			return nil
		})
	}
	return group.Wait()
}

// need is one way in which a run needs a capability of its service.
type need struct {
	capability string
	access     plugins.Effect // read or mutate
}

// needs are the ways in which a runbook cannot do without the capabilities of
// its service, each with the name of an action that needs it. It can do without
// one that it asks for first: see asksFor.
func needs(book *runbook.Runbook) map[need]string {
	out := map[need]string{}
	for _, u := range uses(book) {
		if u.action.Capability == "" || u.own && u.step.Optional || asksFor(book, u.step, u.action.Capability) {
			continue
		}
		access := plugins.Mutate
		if u.action.Effect == runbook.EffectRead {
			access = plugins.Read
		}
		out[need{u.action.Capability, access}] = u.action.Name
	}
	return out
}

// asksFor reports whether a step runs only where the service has a capability:
// its `if`, or that of a group that it is in, reads the status of an optional
// step which reads that capability.
func asksFor(book *runbook.Runbook, s *runbook.Step, capability string) bool {
	for at := s; at != nil; at = at.Parent {
		if at.If == nil {
			continue
		}
		for _, ref := range at.If.Refs() {
			if len(ref.Path) != 3 || ref.Path[0] != "steps" || ref.Path[2] != "status" {
				continue
			}
			if slices.ContainsFunc(book.All(), func(o *runbook.Step) bool {
				return o.ID == ref.Path[1] && o.Frame == s.Frame && o.Optional && o.Action != nil && o.Action.Capability == capability
			}) {
				return true
			}
		}
	}
	return false
}

// serviceOf evaluates the runbook's service for the inputs given.
func serviceOf(q request) (string, error) {
	if q.runbook.Service == nil {
		return "", nil
	}
	inputs := map[string]any{}
	for _, in := range q.runbook.Inputs {
		inputs[in.Name] = in.Default
		if raw, ok := q.inputs[in.Name]; ok {
			v, err := in.Type.Decode(raw)
			if err != nil {
				return "", fail(exitUsage, "", "input %s: %w", in.Name, err)
			}
			inputs[in.Name] = v
		} else if in.Required {
			return "", fail(exitUsage, fmt.Sprintf("add --input %s=VALUE", in.Name), "input %s is missing: %s needs it", in.Name, q.runbook.Name)
		}
	}
	v, err := q.runbook.Service.Eval(expr.Vars{"inputs": inputs})
	if err != nil {
		return "", fail(exitUsage, "", "the runbook's service: %w", err)
	}
	return fmt.Sprint(v), nil
}

// parseInputs reads --input NAME=VALUE flags by the types that the runbook
// declares; --input NAME:=JSON gives any value.
func parseInputs(book string, inputs []server.RunbookInput, flags []string) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for _, flag := range flags {
		name, value, ok := strings.Cut(flag, "=")
		if !ok {
			return nil, &usageError{err: fmt.Errorf("--input %s: write NAME=VALUE", flag), hint: "NAME:=JSON gives a number, a list or an object"}
		}
		raw := json.RawMessage(value)
		if typed, isJSON := strings.CutSuffix(name, ":"); isJSON {
			name = typed
			if !json.Valid(raw) {
				return nil, &usageError{err: fmt.Errorf("--input %s: %q is not JSON", name, value)}
			}
		} else {
			raw = guess(inputs, name, value)
		}
		if !slices.ContainsFunc(inputs, func(in server.RunbookInput) bool { return in.Name == name }) {
			return nil, &usageError{err: fmt.Errorf("%s has no input %s", book, name), hint: giveInputs(inputs)}
		}
		if _, twice := out[name]; twice {
			return nil, &usageError{err: fmt.Errorf("input %s is given twice", name), hint: "give it once; a list is NAME:=JSON"}
		}
		out[name] = raw
	}
	for _, in := range inputs {
		if _, given := out[in.Name]; in.Required && !given {
			return nil, &usageError{err: fmt.Errorf("input %s is missing: %s needs it", in.Name, book), hint: giveInputs(inputs)}
		}
	}
	return out, nil
}

// giveInputs says how a runbook's inputs are given.
func giveInputs(inputs []server.RunbookInput) string {
	if len(inputs) == 0 {
		return "it has no inputs"
	}
	var all []string
	for _, in := range inputs {
		text := "--input " + in.Name + "=" + strings.ToUpper(in.Type)
		if !in.Required {
			text = "[" + text + "]"
		}
		all = append(all, text)
	}
	return "give " + strings.Join(all, " ")
}

// guess writes a flag's text as the JSON that the input's type takes.
func guess(inputs []server.RunbookInput, name, value string) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	for _, in := range inputs {
		if in.Name == name && !in.Text && json.Valid([]byte(value)) {
			return json.RawMessage(value)
		}
	}
	return text
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
