package chatops

import (
	"encoding/json"
	"testing"
)

func TestSummary(t *testing.T) {
	for name, c := range map[string]struct{ outputs, want string }{
		"nothing":          {``, ""},
		"a diagnosis":      {`{"top": {"cause": "app_pool_too_small", "confidence": 0.974, "chain": ["db.pool.max 50 → 20", "queue 100"]}}`, "app_pool_too_small (0.97): db.pool.max 50 → 20 → queue 100"},
		"a setting":        {`{"setting": "db.pool.max", "value": 20, "revision": "5208d1654c7bd83c52e6a35e92b6a8fe4636bb7b"}`, "db.pool.max is 20"},
		"not set":          {`{"setting": "db.pool.max", "value": null}`, "db.pool.max is nothing"},
		"written":          {`{"setting": "db.pool.max", "from": 20, "to": 50, "live": true}`, "db.pool.max 20 → 50"},
		"a pool":           {`{"now": {"acquired": 20, "max": 20, "waiting": 41}, "onset": "2026-11-23T03:33:07Z"}`, "20 of 20 connections in use, 41 waiting"},
		"a database":       {`{"used": 24, "limits": {"max": 100}, "blocking": [{}]}`, "24 of 100 connections used, 1 blocking"},
		"with its traffic": {`{"used": 24, "limits": {"max": 100}, "now": {"max": 100, "sessions": 24}}`, "24 of 100 connections used"},
		"a command":        {`{"exit_code": 3, "stdout": "one\ntwo\n", "seconds": 0.002}`, "exit code 3: one …"},
		"anything":         {`{"ratio": 0.123456, "hash": "5208d1654c7b", "at": "2026-11-23T03:33:07Z", "text": "a\nb", "items": [1], "ok": true, "name": "x", "none": null, "resource": "r"}`, "1 item, name x, ok true, ratio 0.123"},
	} {
		if got := summary(json.RawMessage(c.outputs)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
