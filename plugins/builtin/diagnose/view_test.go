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
	api, resting := &in.Database.Clients[0], &in.Database.States[0]
	for _, c := range []struct {
		what          string
		count, frozen int // sessions of the service's login, and those of them that rest for good
		hold          float64
	}{
		{"most of its sessions rest for good", 20, 14, (20 - 14) / releases},
		{"others rest, its own do not", 20, 0, 20 / releases},
		{"a pool that nobody measures rests", 38, 18, 20 / releases},
		{"all of its sessions rest for good", 20, 20, 0.084}, // as long as before, at the least
	} {
		t.Run(c.what, func(t *testing.T) {
			api.Count, api.Frozen, resting.Frozen = c.count, c.frozen, max(14, c.frozen)
			if hold := newView(in).now.hold; math.Abs(hold-c.hold) > 0.02*c.hold {
				t.Errorf("a connection is held for %.3f s, want %.3f", hold, c.hold)
			}
		})
	}
}

// TestOthersRest holds that sessions of another program, which rest, are not
// taken for connections that the service leaks.
func TestOthersRest(t *testing.T) {
	in := made(slow, littleSaid)
	before := Connections(in)
	in.Database.Clients = append(in.Database.Clients, capability.Client{User: "reports", Application: "reports", Database: in.Database.Clients[0].Database, Count: 20, Frozen: 20})
	in.Database.States = append(in.Database.States, capability.SessionState{State: idleSession, Count: 20, OldestS: 600, P50S: 300, YoungestS: 100, Frozen: 20})
	if after := Connections(in); after.Top.Cause != before.Top.Cause {
		t.Errorf("%s %.2f beside another program, %s without", after.Top.Cause, after.Top.Confidence, before.Top.Cause)
	}
	v := newView(in)
	if leaked := v.leaked(); leaked > 0 {
		t.Errorf("%.0f of the service's connections leak", leaked)
	}
}
