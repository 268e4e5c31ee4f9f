package diagnose

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// TestHoldsOfWhatComesBack holds that a hold which nobody measures is that of
// the connections that come and go: without those of the service that rest for
// good, but with all of them where it is another program that rests.
func TestHoldsOfWhatComesBack(t *testing.T) {
	raw, err := os.ReadFile("testdata/leak_that_makes_requests_wait/snapshot.json")
	if err != nil {
		t.Fatal(err)
	}
	var in capability.DiagnoseInput
	if err := json.Unmarshal(raw, &in); err != nil {
		t.Fatal(err)
	}
	const releases = 255 * (1 - 0.153) / 3.516 // a second, of the snapshot
	api := &in.Database.Clients[0]
	for _, c := range []struct {
		what   string
		frozen int // of the service's 20 sessions
		hold   float64
	}{
		{"most of its sessions rest for good", 14, (20 - 14) / releases},
		{"others rest, its own do not", 0, 20 / releases},
		{"all of its sessions rest for good", 20, 0.084}, // as long as before, at the least
	} {
		t.Run(c.what, func(t *testing.T) {
			api.Frozen, in.Database.States[0].Frozen = c.frozen, max(14, c.frozen)
			if hold := newView(in).now.hold; math.Abs(hold-c.hold) > 0.02*c.hold {
				t.Errorf("a connection is held for %.3f s, want %.3f", hold, c.hold)
			}
		})
	}
}
