package http

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
)

func TestMain(m *testing.M) { plugintest.Main(m, New()) }

func TestConformance(t *testing.T) {
	var waiting, purged atomic.Int64
	waiting.Store(5)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + r.URL.Path {
		case "GET/backlog":
			fmt.Fprintf(w, `{"waiting": %d, "oldest_s": 1, "shedding": false}`, waiting.Load())
		case "POST/backlog/shed":
			fmt.Fprintf(w, `{"cancelled": %d, "refused": 0, "until": "2026-01-01T00:00:00Z"}`, waiting.Swap(0))
		case "POST/purge":
			purged.Add(1)
		}
	}))
	defer srv.Close()
	replicas := tell(t, 2)
	plugintest.Run(t, plugintest.Self("http"), plugintest.Cases{
		Sections: []host.Section{
			{Service: "api", Capability: "backlog", Plugin: "http", Config: json.RawMessage(fmt.Sprintf(`{"status": "%[1]s/backlog", "shed": ["%[1]s/backlog/shed"]}`, srv.URL))},
			{Service: "watched", Capability: "backlog", Plugin: "http", Config: json.RawMessage(fmt.Sprintf(`{"status": "%s/backlog"}`, srv.URL))},
			{Service: "told", Capability: "settings", Plugin: "http", Config: json.RawMessage(replicas.section())},
			{Plugin: "http", Config: json.RawMessage(`{}`)},
		},
		Refused: []plugintest.Refused{
			{Section: host.Section{Service: "x", Capability: "backlog", Plugin: "http", Config: json.RawMessage(`{"shed": "http://x/"}`)}, Key: "status"},
			{Section: host.Section{Service: "x", Capability: "backlog", Plugin: "http", Config: json.RawMessage(`{"status": "x", "shed": "http://x/"}`)}, Key: "status"},
			{Section: host.Section{Service: "x", Capability: "backlog", Plugin: "http", Config: json.RawMessage(`{"status": "http://x/", "shed": []}`)}, Key: "shed"},
			{Section: host.Section{Service: "x", Capability: "backlog", Plugin: "http", Config: json.RawMessage(`{"status": "http://x/"}`)}, Access: plugins.Mutate, Key: "shed"},
			{Section: host.Section{Service: "x", Capability: "backlog", Plugin: "http", Config: json.RawMessage(`{"status": "http://x/", "shed": "http://x/", "timeout": "5 s"}`)}, Key: "timeout"},
			{Section: host.Section{Service: "x", Capability: "backlog", Plugin: "http", Config: json.RawMessage(`{"status": "http://x/", "shed": "http://x/", "header": {}}`)}, Key: "header"},
			{Section: host.Section{Service: "x", Capability: "settings", Plugin: "http", Config: json.RawMessage(`{"headers": {}}`)}, Key: "replicas"},
			{Section: host.Section{Service: "x", Capability: "settings", Plugin: "http", Config: json.RawMessage(`{"replicas": ["http://x/", "http://x/"]}`)}, Key: "replicas"},
		},
		Reads: []plugintest.Read{
			{Service: "told", Action: "settings.current", Input: json.RawMessage(`{"setting": "pool"}`)},
			{Service: "api", Action: "backlog.status", Input: json.RawMessage(`{}`)},
			{Service: "watched", Action: "backlog.status", Input: json.RawMessage(`{}`)},
			{Action: "http.get", Input: json.RawMessage(`{"url": "` + srv.URL + `/backlog"}`)},
		},
		Mutations: []plugintest.Mutation{
			{Service: "api", Action: "backlog.shed", Input: json.RawMessage(`{}`), State: func(*testing.T) string { return strconv.FormatInt(waiting.Load(), 10) }},
			{Service: "told", Action: "settings.apply", Input: json.RawMessage(toFifty), State: func(*testing.T) string { return replicas.run() }, Drift: replicas.drift},
			{Service: "told", Action: "settings.rollback", Input: json.RawMessage(`{"change": {"id": "1", "setting": "pool", "before": 50, "after": 20, "at": "2026-01-01T00:00:00Z", "author": "x", "title": "x", "revision": "x"}}`), State: func(*testing.T) string { return replicas.run() }, Drift: replicas.drift},
			{Action: "http.request", Input: json.RawMessage(`{"method": "POST", "url": "` + srv.URL + `/purge", "resource": "cdn:x"}`), State: func(*testing.T) string { return strconv.FormatInt(purged.Load(), 10) }},
		},
	})
}
