package pgbouncer

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
	"github.com/firebreak-ops/firebreak/plugins/plugintest/daemons"
)

func TestConformance(t *testing.T) {
	needPooler(t)
	secrets := t.TempDir()
	secret := func(login string) string {
		file := filepath.Join(secrets, login)
		if err := os.WriteFile(file, []byte(pooler.DSN(login, consoleDatabase)), 0o600); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"secret":"file:%s"}`, file)
	}
	section := func(config string) host.Section {
		return host.Section{Service: "api", Capability: "pooler", Plugin: "pgbouncer", Config: json.RawMessage(config)}
	}
	whole := section(fmt.Sprintf(`{"read":%s,"mutate":%s}`, secret("monitor"), secret("admin")))
	plugintest.Run(t, plugintest.Self("pgbouncer"), plugintest.Cases{
		Prepare:  reset,
		Sections: []host.Section{whole},
		Refused: []plugintest.Refused{
			{Section: section(`{}`), Key: "read"},
			{Section: section(`{"reed":"x"}`), Key: "reed"},
		},
		Reads: []plugintest.Read{{Service: "api", Action: actionStatus, Input: json.RawMessage(`{}`)}},
		Mutations: []plugintest.Mutation{
			{
				Service: "api", Action: actionResize, Input: json.RawMessage(`{"limit":"pool_size","size":9}`),
				State: func(t *testing.T) string { return setting(t, "default_pool_size") },
				Drift: func(t *testing.T) { admin(t, "SET default_pool_size = '6'") },
			},
			{
				Service: "api", Action: actionReload, Input: json.RawMessage(`{}`),
				State: func(t *testing.T) string { return setting(t, "default_pool_size") },
			},
			{
				Service: "api", Action: actionPause, Input: json.RawMessage(`{"database":"appdb"}`),
				State: func(t *testing.T) string { return fmt.Sprint(paused(t, "appdb")) },
				Drift: func(t *testing.T) { admin(t, "PAUSE appdb") },
			},
			{
				Service: "api", Action: actionResume, Input: json.RawMessage(`{"database":"appdb"}`),
				State: func(t *testing.T) string { return fmt.Sprint(paused(t, "appdb")) },
			},
		},
	})
}

// TestResizeServesWhoWaits holds that a larger pool is one at once.
func TestResizeServesWhoWaits(t *testing.T) {
	needPooler(t)
	reset(t)
	t.Cleanup(func() { reset(t) })
	b := bind(t, plugins.Mutate, logins("monitor", "admin"))
	for range poolSize {
		hold(t, "appdb")
	}
	hold(t, "reports")
	queue(t, "appdb")
	look := bind(t, plugins.Read, logins("monitor", ""))
	eventually(t, "one waits", func() bool { return pool(status(t, look), "appdb").Waiting == 1 })

	call := plugins.Call{ID: "1", Action: actionResize, Input: json.RawMessage(`{"limit":"pool_size","size":5}`)}
	plan, err := b.Plan(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"default_pool_size: 4 -> 5\n" + plugins.LastLook, "app on appdb: 1 clients wait, 4 of 4", "app on reports keeps its own size, 3", "until PgBouncer is restarted"} {
		if !strings.Contains(plan.Detail, want) {
			t.Errorf("the detail lacks %q:\n%s", want, plan.Detail)
		}
	}
	if plan.BlastRadius != (plugins.BlastRadius{Unit: "pools", Affected: 1, Total: 2}) {
		t.Errorf("blast radius %+v", plan.BlastRadius)
	}
	call.Expect = plan.Fingerprint
	if o := b.Run(t.Context(), call, nil); o.Failure != nil || o.Applied != plugins.All {
		t.Fatalf("%+v", o)
	}
	if plan, err := b.Plan(t.Context(), call); err != nil || strings.Contains(plan.Detail, plugins.LastLook) {
		t.Errorf("where nothing is to be written: %v\n%s", err, plan.Detail)
	}
	eventually(t, "nobody waits", func() bool { return pool(status(t, look), "appdb").Waiting == 0 })
}

// TestEveryLimit sets each limit and puts it back by its receipt.
func TestEveryLimit(t *testing.T) {
	needPooler(t)
	reset(t)
	t.Cleanup(func() { reset(t) })
	b := bind(t, plugins.Mutate, logins("monitor", "admin"))
	for limit, key := range keys {
		was := setting(t, key)
		o := b.Run(t.Context(), plugins.Call{ID: "1", Action: actionResize, Input: json.RawMessage(fmt.Sprintf(`{"limit":%q,"size":77}`, limit))}, nil)
		if o.Failure != nil || setting(t, key) != "77" {
			t.Errorf("%s is %s: %+v", key, setting(t, key), o.Failure)
		}
		if o = b.Run(t.Context(), plugins.Call{ID: "2", Action: actionResize, Receipt: o.Receipt}, nil); o.Failure != nil || setting(t, key) != was {
			t.Errorf("%s is %s, and was %s: %+v", key, setting(t, key), was, o.Failure)
		}
	}
}

// TestReloadTellsWhatChanged holds that a reload ends what was set, and says
// so.
func TestReloadTellsWhatChanged(t *testing.T) {
	needPooler(t)
	reset(t)
	t.Cleanup(func() { reset(t) })
	if err := pooler.Write(daemons.PgBouncerFile, pooler.PgBouncerConf(server, conf+"max_db_connections = 8\n")); err != nil {
		t.Fatal(err)
	}
	admin(t, "SET default_pool_size = '6'")
	o := bind(t, plugins.Mutate, logins("monitor", "admin")).Run(t.Context(), plugins.Call{ID: "1", Action: actionReload}, nil)
	if o.Failure != nil || o.Applied != plugins.All {
		t.Fatalf("%+v", o)
	}
	var out capability.ReloadOutput
	if err := json.Unmarshal(o.Outputs, &out); err != nil {
		t.Fatal(err)
	}
	want := []capability.ResizeReceipt{{Limit: capability.MaxServers, Before: 0, After: 8}, {Limit: capability.PoolSize, Before: 6, After: poolSize}}
	if fmt.Sprint(out.Changed) != fmt.Sprint(capability.List[capability.ResizeReceipt](want)) {
		t.Errorf("changed %v, want %v", out.Changed, want)
	}
}

func TestMutationsAreRefused(t *testing.T) {
	needPooler(t)
	reset(t)
	resize := plugins.Call{ID: "1", Action: actionResize, Input: json.RawMessage(`{"limit":"pool_size","size":9}`)}
	for name, c := range map[string]struct {
		b     *bound
		call  plugins.Call
		class string
	}{
		"bound to read":     {bind(t, plugins.Read, logins("admin", "")), resize, plugins.Denied},
		"no admin":          {bind(t, plugins.Mutate, logins("monitor", "monitor")), resize, plugins.Denied},
		"reload, no admin":  {bind(t, plugins.Mutate, logins("monitor", "monitor")), plugins.Call{Action: actionReload}, plugins.Denied},
		"zero":              {bind(t, plugins.Mutate, logins("monitor", "admin")), plugins.Call{Action: actionResize, Input: json.RawMessage(`{"limit":"pool_size","size":0}`)}, plugins.Invalid},
		"another limit":     {bind(t, plugins.Mutate, logins("monitor", "admin")), plugins.Call{Action: actionResize, Input: json.RawMessage(`{"limit":"auth_type","size":1}`)}, plugins.Invalid},
		"another's receipt": {bind(t, plugins.Mutate, logins("monitor", "admin")), plugins.Call{Action: actionResize, Receipt: json.RawMessage(`{"setting":"a"}`)}, plugins.Invalid},
		"undo a reload":     {bind(t, plugins.Mutate, logins("monitor", "admin")), plugins.Call{Action: actionReload, Receipt: json.RawMessage(`{}`)}, plugins.Invalid},
	} {
		o := c.b.Run(t.Context(), c.call, nil)
		if o.Failure == nil || o.Failure.Class != c.class || o.Applied != plugins.None {
			t.Errorf("%s: %+v, applied %s; want %s, none", name, o.Failure, o.Applied, c.class)
		}
	}
	if size := setting(t, "default_pool_size"); size != "4" {
		t.Errorf("default_pool_size is %s", size)
	}
}
