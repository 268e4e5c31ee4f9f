package service

import (
	"github.com/firebreak-ops/firebreak/engine/policy"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// limit returns the amount of a key as a limit, or nil without it.
func limit(f runbook.Fields, key string) *policy.Limit {
	switch amount := f.Value(key).(type) {
	case int:
		return &policy.Limit{Count: amount}
	case runbook.Percent:
		return &policy.Limit{Percent: int(amount)}
	}
	return nil
}
