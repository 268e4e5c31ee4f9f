package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
	"github.com/firebreak-ops/firebreak/plugins/plugintest/daemons"
)

func TestConformance(t *testing.T) {
	needServer(t)
	secrets := t.TempDir()
	secret := func(login string) string {
		file := filepath.Join(secrets, login)
		if err := os.WriteFile(file, []byte(dsn(login, "appdb", port)), 0o600); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"secret":"file:%s"}`, file)
	}
	section := func(config string) host.Section {
		return host.Section{Service: "api", Capability: "database", Plugin: "postgres", Config: json.RawMessage(config)}
	}
	admin := func(t *testing.T, statements ...string) {
		t.Helper()
		if err := server.Exec("postgres", statements...); err != nil {
			t.Fatal(err)
		}
	}
	asked := func(sql string) func(*testing.T) string {
		return func(t *testing.T) (text string) {
			t.Helper()
			conn, err := pgx.Connect(t.Context(), dsn("admin", "postgres", port))
			if err != nil {
				t.Fatal(err)
			}
			defer daemons.CloseFully(t, conn.PgConn())
			if err := conn.QueryRow(t.Context(), sql).Scan(&text); err != nil {
				t.Fatal(err)
			}
			return text
		}
	}
	mutation := func(action, input, state string, drift ...string) plugintest.Mutation {
		m := plugintest.Mutation{Service: "api", Action: action, Input: json.RawMessage(input), State: asked(state)}
		if len(drift) > 0 {
			m.Drift = func(t *testing.T) { admin(t, drift...) }
		}
		return m
	}
	sessions := func(application string) string {
		return "select count(*)::text from pg_stat_activity where state <> 'idle' and application_name = '" + application + "'"
	}
	plugintest.Run(t, plugintest.Self("postgres"), plugintest.Cases{
		Prepare: func(t *testing.T) {
			admin(t, "alter role batch connection limit -1", "alter role batch reset all", "alter system reset idle_in_transaction_session_timeout", "select pg_reload_conf()")
			forgotten(t, "forgetful")
			sleeping(t, "sleeper")
		},
		Sections: []host.Section{section(fmt.Sprintf(`{"read":%s,"mutate":%s,"spare":["flyway"]}`, secret("monitor"), secret("admin")))},
		Refused: []plugintest.Refused{
			{Section: section(`{}`), Key: "read"},
			{Section: section(`{"reed":"x"}`), Key: "reed"},
			{Section: section(`{"read":"postgres://x@h:1/d"}`), Access: plugins.Mutate, Key: "mutate"},
		},
		Reads: []plugintest.Read{{
			Service: "api", Action: actionConnections, Input: json.RawMessage(`{}`),
			Check: func(t *testing.T, raw json.RawMessage) {
				var out capability.ConnectionsOutput
				if err := json.Unmarshal(raw, &out); err != nil || out.Limits.Max != maxConnections {
					t.Errorf("%s: %v", raw, err)
				}
			},
		}},
		Mutations: []plugintest.Mutation{
			mutation(actionTerminate, `{"state":"idle in transaction","application":"forgetful"}`, sessions("forgetful")),
			mutation(actionCancel, `{"state":"active","application":"sleeper"}`, sessions("sleeper")),
			mutation(actionLimit, `{"role":"batch","limit":4}`, "select rolconnlimit::text from pg_roles where rolname = 'batch'", "alter role batch connection limit 3"),
			mutation(actionConfigure, `{"setting":"idle_in_transaction_session_timeout","value":"10min"}`,
				"select coalesce((select setting from pg_file_settings where name = 'idle_in_transaction_session_timeout'), 'not set')", "alter system set idle_in_transaction_session_timeout = '7min'"),
		},
	})
}

// forgotten opens a transaction and leaves it.
func forgotten(t *testing.T, application string) *pgx.Conn {
	t.Helper()
	conn := openAs(t, "app", application)
	do(t, conn, "begin")
	do(t, conn, "select 1")
	return conn
}

// sleeping runs a statement that takes long, and returns what ends with it.
func sleeping(t *testing.T, application string) <-chan error {
	t.Helper()
	conn := openAs(t, "app", application)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_, err := conn.Exec(ctx, "select pg_sleep(600)")
		ended <- err
	}()
	t.Cleanup(func() { cancel(); <-stopped })
	admin := open(t, "admin", "postgres")
	defer daemons.CloseFully(t, admin.PgConn())
	eventually(t, "it sleeps", func() bool {
		var n int
		err := admin.QueryRow(t.Context(), "select count(*) from pg_stat_activity where application_name = $1 and wait_event = 'PgSleep'", application).Scan(&n)
		return err == nil && n > 0
	})
	return ended
}

// openAs connects to appdb until the test ends.
func openAs(t *testing.T, user, application string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn(user, "appdb", port)+"&application_name="+application)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { daemons.CloseFully(t, conn.PgConn()) })
	return conn
}
