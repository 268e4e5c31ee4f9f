package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/firebreak-ops/firebreak/plugins"
)

// Host runs the plugins of one firebreak process. Its methods may be called
// from many goroutines at once.
type Host struct {
	specs    map[string]Spec
	sections map[sectionKey]Section
	log      *slog.Logger
	masks    *masks
	grace    graceful
	launcher *launcher
	calls    *calls

	mu      sync.Mutex
	state   State // Idle, Ready or Stopped
	ctx     context.Context
	cancel  context.CancelFunc
	plugins map[processKey]*supervisor
	wanted  map[string]map[BindingKey]error // by plugin: opened once, opened again after a restart; why it is not open
	busy    sync.WaitGroup                  // calls in flight
	running sync.WaitGroup                  // supervisors
}

// processKey names one warm process. Every plugin lives in the default zone
// for now.
type processKey struct {
	Plugin string
	Zone   string // of trust: services whose secrets may live in one process
}

// New makes a host that has started nothing. It fails when the
// configuration contradicts itself.
func New(config Config) (*Host, error) {
	specs, err := config.specs()
	if err != nil {
		return nil, err
	}
	sections, err := config.sections(specs)
	if err != nil {
		return nil, err
	}
	log := config.logger()
	contracts, err := config.contracts()
	if err != nil {
		return nil, err
	}
	masks := &masks{}
	h := &Host{
		specs: specs, sections: sections, log: log, masks: masks, grace: graceful(config.Grace), calls: newCalls(),
		state: Idle, plugins: map[processKey]*supervisor{}, wanted: map[string]map[BindingKey]error{},
		launcher: &launcher{masks: masks, log: log, contracts: contracts, selfSum: sync.OnceValues(hashSelf)},
	}
	for _, section := range sections { // one plugin may print what is another's
		_, secrets, _ := ResolveSecrets(section.Config, plugins.Mutate) // what is missing is said when it is needed
		masks.add(secrets...)
	}
	for name, spec := range specs {
		h.plugins[processKey{Plugin: name}] = h.supervise(spec)
	}
	return h, nil
}

func (h *Host) supervise(spec Spec) *supervisor {
	s := newSupervisor(spec)
	s.log, s.launch = h.log, h.launcher.launch
	s.ready = func(p *process) { h.rebind(p, h.wants(spec.Name)) }
	return s
}

// Start allows plugins to be started, each when it is first needed. It does
// not block. A host that was stopped stays so.
func (h *Host) Start() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state == Ready {
		return nil
	}
	if h.state == Stopped {
		return errStopped
	}
	h.state = Ready
	h.launcher.thread = newThread()
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return nil
}

// Stop refuses new calls, waits for those in flight until ctx ends, and ends
// every process. When it returns none is left. Stopping twice is safe.
func (h *Host) Stop(ctx context.Context) error {
	h.mu.Lock()
	was := h.state
	h.state = Stopped
	h.mu.Unlock()
	if was != Ready {
		h.running.Wait()
		return nil
	}
	idle := make(chan struct{})
	go func() { h.busy.Wait(); close(idle) }()
	var err error
	select {
	case <-idle:
	case <-ctx.Done():
		err = fmt.Errorf("stopping the plugins: calls were cut: %w", ctx.Err())
	}
	h.cancel()
	h.running.Wait()
	h.launcher.thread.close()
	return err
}

// enter counts a call in; leave counts it out.
func (h *Host) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state != Ready {
		return plugins.Fail(plugins.Unavailable, "%v", errStopped)
	}
	h.busy.Add(1)
	return nil
}

func (h *Host) leave() { h.busy.Done() }

// process waits for the plugin's process, started if need be. Errors are
// *plugins.Failure.
func (h *Host) process(ctx context.Context, plugin string) (*process, error) {
	h.mu.Lock()
	s := h.plugins[processKey{Plugin: plugin}]
	if s == nil {
		h.mu.Unlock()
		return nil, plugins.Fail(plugins.Invalid, "there is no plugin %q", plugin)
	}
	if h.state != Ready {
		h.mu.Unlock()
		return nil, plugins.Fail(plugins.Unavailable, "%v", errStopped)
	}
	if s.begin() {
		h.running.Go(func() { s.run(h.ctx) })
	}
	h.mu.Unlock()
	return s.get(ctx)
}

// Warm starts plugins, and binds every section of theirs for reading, side
// by side; without names, all that have a section. It blocks until they are
// ready and returns what went wrong with any.
func (h *Host) Warm(ctx context.Context, names ...string) error {
	if err := h.enter(); err != nil {
		return err
	}
	defer h.leave()
	if len(names) == 0 {
		for _, section := range h.sections {
			names = append(names, section.Plugin)
		}
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var problems []error
	try := func(f func() error) {
		all.Go(func() {
			if err := f(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				problems = append(problems, err)
			}
		})
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		try(func() error { _, err := h.process(ctx, name); return err })
		for key, section := range h.sections {
			if section.Plugin == name {
				binding := BindingKey{Service: key.service, Capability: key.capability, Tool: key.tool, Access: plugins.Read}
				try(func() error { _, err := h.identity(ctx, binding); return err })
			}
		}
	}
	all.Wait()
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}
