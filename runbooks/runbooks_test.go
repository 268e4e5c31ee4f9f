package runbooks_test

import (
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/runbooks"
)

func TestUnknownRunbook(t *testing.T) {
	if _, _, err := runbooks.File("nothing"); err == nil || !strings.Contains(err.Error(), "connection-exhaustion") {
		t.Errorf("got %v", err)
	}
}
