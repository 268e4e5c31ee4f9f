package host

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

const bindTimeout = 15 * time.Second

// opening is one Bind of one process; everybody who needs it waits for the
// same one.
type opening struct {
	of       [sha256.Size]byte // digest of the section with its secrets
	done     chan struct{}
	resource string
	err      error
}

// bind opens key on p unless it is open, and returns the identity of what it
// acts on. A binding that failed is tried again by the next caller, and one
// whose secrets are others by now is replaced; while they cannot be read it
// stays. Errors are *plugins.Failure.
func (h *Host) bind(ctx context.Context, p *process, key BindingKey) (string, error) {
	h.want(p.name, key)
	config, secrets, unread := ResolveSecrets(h.section(key).Config, key.Access)
	of := sha256.Sum256(config)
	p.mu.Lock()
	o := p.bound[key]
	if o == nil || unread == nil && o.of != of {
		before := o
		o = &opening{of: of, done: make(chan struct{})}
		p.bound[key] = o
		go func() { // not the caller's: others may wait for it
			defer close(o.done)
			h.masks.add(secrets...) // before anything can speak of them
			if before != nil {
				<-before.done // the last one counts
			}
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bindTimeout)
			defer cancel()
			o.resource, o.err = h.open(ctx, p, key, config, unread)
			h.opened(p, key, o.err)
			if o.err != nil {
				p.mu.Lock()
				if p.bound[key] == o {
					delete(p.bound, key)
				}
				p.mu.Unlock()
			}
		}()
	}
	p.mu.Unlock()
	select {
	case <-o.done:
		return o.resource, o.err
	case <-ctx.Done():
		failure := plugins.AsFailure(ctx.Err())
		failure.Reason = fmt.Sprintf("binding %s: %v", key, ctx.Err())
		return "", failure
	}
}

// open binds a section with its secrets, unless those could not be read.
func (h *Host) open(ctx context.Context, p *process, key BindingKey, config json.RawMessage, unread error) (string, error) {
	section := h.section(key)
	if unread != nil {
		return "", h.unreadable(section, unread)
	}
	if err := p.config[key.Capability].checkSection(config); err != nil {
		return "", plugins.Fail(plugins.Invalid, "%s: %s", section, h.masks.text(err.Error()))
	}
	reply, err := p.rpc.Bind(ctx, &pb.BindRequest{
		Id: key.String(), Service: key.Service, Capability: key.Capability, Access: effectToProto(key.Access), Config: config,
	})
	if err != nil {
		return "", h.broken(p, "Bind", err)
	}
	if problems := reply.GetProblems(); len(problems) > 0 {
		return "", plugins.Fail(plugins.Invalid, "%s: %s", section, h.masks.say(strings.Join(problems, "; ")))
	}
	if problem := h.misnamed(reply.GetResource()); problem != "" {
		return "", plugins.Fail(plugins.Invalid, "%s: the identity that the plugin reports: %s", section, problem)
	}
	return reply.GetResource(), nil
}

// unreadable says that the secrets of a section cannot be read.
func (h *Host) unreadable(section Section, err error) error {
	return plugins.Fail(plugins.Invalid, "%s: %s", section, h.masks.text(err.Error()))
}

// section finds what key is bound to; a tool without a section has an empty
// one.
func (h *Host) section(key BindingKey) Section {
	if section, ok := h.sections[key.section()]; ok {
		return section
	}
	return Section{Plugin: key.Tool}
}

// rebind opens on a new process what was open on the ones before it.
func (h *Host) rebind(p *process, keys []BindingKey) {
	for _, key := range keys {
		go func() {
			_, err := h.bind(context.Background(), p, key)
			var failure *plugins.Failure
			if errors.As(err, &failure) && failure.Class != plugins.Unavailable {
				h.log.Error("a binding cannot be opened", "plugin", p.name, "binding", key.String(), "error", err)
			}
		}()
	}
}

func (h *Host) want(plugin string, key BindingKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.wanted[plugin][key]; !ok {
		h.rememberLocked(plugin, key, nil)
	}
}

// opened remembers what came of opening key, unless the process was lost,
// which is told of the process.
func (h *Host) opened(p *process, key BindingKey, err error) {
	if !p.closing.Load() && !p.isGone() {
		h.remember(p.name, key, err)
	}
}

// remember keeps why key cannot be opened; nil: it can, or is to be.
func (h *Host) remember(plugin string, key BindingKey, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rememberLocked(plugin, key, err)
}

func (h *Host) rememberLocked(plugin string, key BindingKey, err error) {
	if h.wanted[plugin] == nil {
		h.wanted[plugin] = map[BindingKey]error{}
	}
	h.wanted[plugin][key] = err
}

func (h *Host) wants(plugin string) []BindingKey {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.wanted[plugin]))
}

// unbound says which bindings of a plugin could not be opened, one a line.
func (h *Host) unbound(plugin string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var problems []string
	for _, err := range h.wanted[plugin] {
		if err != nil {
			problems = append(problems, err.Error())
		}
	}
	slices.Sort(problems)
	return strings.Join(slices.Compact(problems), "\n")
}
