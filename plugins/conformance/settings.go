package conformance

import (
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// settings.current: the setting that was asked for.
func settingsCurrent(s *suite, t T, r Read, out capability.CurrentOutput) {
	s.observed(t, r.Service, r.Action, out.Observed)
	if in := decoded[capability.CurrentInput](t, r.Input); out.Setting != in.Setting {
		t.Errorf("asked for %s, it says %s", in.Setting, out.Setting)
	}
}

// settings.changes: newest first, each named once, no more than asked for,
// and only of the setting that was asked for.
func settingsChanges(s *suite, t T, r Read, out capability.ChangesOutput) {
	s.observed(t, r.Service, r.Action, out.Observed)
	seen := map[string]bool{}
	for i, c := range out.Changes {
		if i > 0 && c.At.After(out.Changes[i-1].At) {
			t.Errorf("change %s of %s stands after the older one of %s", c.ID, c.At, out.Changes[i-1].At)
		}
		if seen[c.ID] || c.ID == "" {
			t.Errorf("two changes are named %q", c.ID)
		}
		seen[c.ID] = true
		if c.Before == c.After {
			t.Errorf("change %s changed nothing: %s", c.ID, c.After)
		}
	}
	if len(out.Changes) == 0 {
		return
	}
	newest := out.Changes[0]
	one := look[capability.ChangesOutput](s, t, r.Service, r.Action, capability.ChangesInput{Limit: 1, Since: capability.Duration(time.Since(newest.At) + time.Hour)})
	if len(one.Changes) != 1 || one.Changes[0].ID != newest.ID {
		t.Errorf("asked for one change, it says %v; want the newest", one.Changes)
	}
	for _, c := range look[capability.ChangesOutput](s, t, r.Service, r.Action, capability.ChangesInput{Setting: newest.Setting}).Changes {
		if c.Setting != newest.Setting {
			t.Errorf("asked for changes of %s, it lists one of %s", newest.Setting, c.Setting)
		}
	}
}

// settings.apply: the value that was asked for is there, and what was shown,
// what was done and what undoes it speak of the same change.
func settingsApplied(s *suite, t T, m Mutation, plan plugins.Plan, done plugins.Outcome) {
	in := decoded[capability.ApplyInput](t, m.Input)
	s.written(t, m, in.Setting, in.Value, plan, done)
}

// settings.rollback: the same, of the value before the change.
func settingsRolledBack(s *suite, t T, m Mutation, plan plugins.Plan, done plugins.Outcome) {
	in := decoded[capability.RollbackInput](t, m.Input)
	s.written(t, m, in.Change.Setting, in.Change.Before, plan, done)
}

func (s *suite) written(t T, m Mutation, setting string, to capability.Scalar, plan plugins.Plan, done plugins.Outcome) {
	t.Helper()
	bound := decoded[capability.SettingsBinding](t, plan.Binding)
	out := decoded[capability.ApplyOutput](t, done.Outputs)
	receipt := decoded[capability.SettingsReceipt](t, done.Receipt)
	s.observed(t, m.Service, m.Action, out.Observed)
	if bound.Setting != setting || bound.To != to {
		t.Errorf("%s to %s was asked for, and the plan binds %s to %s", setting, to, bound.Setting, bound.To)
	}
	from := "what each ran"
	if bound.From != nil {
		from = bound.From.String()
	}
	if out.Setting != setting || bound.From != nil && out.From != *bound.From || out.To != to {
		t.Errorf("the plan says %s from %s to %s, and the outputs %s from %s to %s", setting, from, to, out.Setting, out.From, out.To)
	}
	if receipt.Setting != setting || receipt.Before != out.From || receipt.After != to {
		t.Errorf("the outputs say %s from %s to %s, and the receipt %s from %s to %s", setting, out.From, to, receipt.Setting, receipt.Before, receipt.After)
	}
	if !s.offers(t, "settings.current") {
		return
	}
	if now := look[capability.CurrentOutput](s, t, m.Service, "settings.current", capability.CurrentInput{Setting: setting}); now.Value != to {
		t.Errorf("%s was set to %s, and settings.current says %s", setting, to, now.Value)
	}
}
