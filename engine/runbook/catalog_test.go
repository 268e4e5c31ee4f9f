package runbook

import (
	"os"
	"path/filepath"
	"testing"
)

// actions are small contracts of the kinds that the language tells apart.
var actions = []struct {
	name, effect, input, output, undo string
	idempotent, probe                 bool
}{
	{name: "metrics.pool", effect: "read", input: `{"type":"object","properties":{"window":{"type":"string","format":"go-duration"}},"additionalProperties":false}`,
		output: `{"type":"object","properties":{"max":{"type":"integer"},"waiting":{"type":["null","integer"]},"baseline":{"type":["null","object"],"properties":{"acquired":{"type":["null","integer"]}},"required":["acquired"]},"replicas":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"},"ready":{"type":"boolean"}},"required":["name","ready"]}}},"required":["max","waiting","replicas"]}`},
	{name: "metrics.health", effect: "read", input: `{"type":"object","additionalProperties":false}`,
		output: `{"type":"object","properties":{"error_rate":{"type":["null","number"],"x-least":0,"x-most":1,"description":"share of finished requests that failed, 0 to 1"},"waiting":{"type":["null","integer"],"x-least":0}},"required":["error_rate","waiting"]}`},
	{name: "settings.current", effect: "read", input: `{"type":"object","properties":{"setting":{"type":"string","description":"such as db.pool.max"}},"required":["setting"],"additionalProperties":false}`,
		output: `{"type":"object","properties":{"setting":{"type":"string"},"value":{"type":["null","boolean","number","string"]}},"required":["setting","value"]}`},
	{name: "settings.apply", effect: "mutate", undo: "settings.apply", idempotent: true, probe: true,
		input:  `{"type":"object","properties":{"setting":{"type":"string","x-target":true},"value":{"type":["boolean","number","string"]},"live_within":{"type":"string","format":"go-duration"}},"required":["setting","value"],"additionalProperties":false}`,
		output: `{"type":"object","properties":{"from":{"type":["null","boolean","number","string"]},"live":{"type":"boolean"}},"required":["from","live"]}`},
	{name: "settings.rollback", effect: "mutate", undo: "settings.apply", idempotent: true, probe: true,
		input:  `{"type":"object","properties":{"change":{"type":"object","properties":{"setting":{"type":"string"},"after":{"type":["null","boolean","number","string"]}},"required":["setting","after"]}},"required":["change"],"additionalProperties":false}`,
		output: `{"type":"object","properties":{"live":{"type":"boolean"}},"required":["live"]}`},
	{name: "workload.restart", effect: "mutate",
		input:  `{"type":"object","properties":{"waves":{"type":"array","items":{"type":["integer","string"],"pattern":"^(100|[1-9][0-9]?)%$"}}},"additionalProperties":false}`,
		output: `{"type":"object","properties":{"waves":{"type":"array","items":{"type":"string"}}},"required":["waves"]}`},
	{name: "workload.scale", effect: "mutate", undo: "workload.scale", idempotent: true, probe: true,
		input:  `{"type":"object","x-target":true,"properties":{"replicas":{"type":"integer"}},"required":["replicas"],"additionalProperties":false}`,
		output: `{"type":"object","properties":{"from":{"type":"integer"}},"required":["from"]}`},
	{name: "database.terminate", effect: "mutate",
		input:  `{"type":"object","properties":{"state":{"type":"string"},"user":{"type":"string"},"most":{"type":"integer"}},"additionalProperties":false,"anyOf":[{"required":["state"]},{"required":["user"]}]}`,
		output: `{"type":"object","properties":{"gone":{"type":"integer"}},"required":["gone"]}`},
	{name: "backlog.shed", effect: "mutate", idempotent: true, input: `{"type":"object","additionalProperties":false}`,
		output: `{"type":"object","properties":{"cancelled":{"type":"integer"}},"required":["cancelled"]}`},
	{name: "diagnose.connections", effect: "read",
		input:  `{"type":"object","properties":{"pool":{"type":["null","object"],"properties":{"max":{"type":"integer"}},"required":["max"]}},"required":["pool"],"additionalProperties":false}`,
		output: `{"type":"object","properties":{"top":{"type":"object","properties":{"cause":{"type":"string","enum":["app_pool_too_small","slow_query","unknown"]},"change":{"type":["null","object"],"properties":{"setting":{"type":"string"},"after":{"type":["null","boolean","number","string"]}},"required":["setting","after"]}},"required":["cause","change"]}},"required":["top"]}`},
	{name: "http.get", effect: "read", input: `{"type":"object","properties":{"url":{"type":"string"},"expect":{"type":"integer"}},"required":["url"],"additionalProperties":false}`, output: `{"type":"object"}`},
	{name: "http.request", effect: "mutate", input: `{"type":"object","properties":{"url":{"type":"string"}},"required":["url"],"additionalProperties":false}`, output: `{"type":"object"}`},
	{name: "database.create", effect: "mutate", undo: "database.drop", idempotent: true, probe: true,
		input: `{"type":"object","properties":{"table":{"type":"string"}},"required":["table"],"additionalProperties":false}`, output: `{"type":"object"}`},
	{name: "database.drop", effect: "irreversible", input: `{"type":"object","properties":{"table":{"type":"string"}},"required":["table"],"additionalProperties":false}`, output: `{"type":"object"}`},
}

// testLibrary finds the runbooks that those of the tests call.
func testLibrary(name string) (string, []byte, error) {
	src, err := os.ReadFile(filepath.Join("testdata", "library", name+".yaml"))
	return name + ".yaml", src, err
}

func testCatalog(t testing.TB) Catalog {
	t.Helper()
	catalog := Catalog{}
	for _, a := range actions {
		action, err := NewAction(a.name, a.effect, []byte(a.input), []byte(a.output))
		if err != nil {
			t.Fatal(err)
		}
		action.Undo, action.Idempotent, action.Probe = a.undo, a.idempotent, a.probe
		catalog[a.name] = action
	}
	return catalog
}
