package local

import (
	"fmt"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// ParseForTests reads runbooks over the catalog of these tests, for those
// tests that need a real journal, which this package may not import.
func ParseForTests() func(src []byte) (*runbook.Runbook, error) {
	c, err := actions()
	if err != nil {
		return func([]byte) (*runbook.Runbook, error) { return nil, fmt.Errorf("catalog: %w", err) }
	}
	return parse(c)
}
