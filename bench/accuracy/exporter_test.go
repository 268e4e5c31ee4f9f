package accuracy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins/plugintest/daemons"
)

// export has the server exported by the real exporter, and the pooler by a page
// in the words of pgbouncer_exporter.
func (r *rig) export() (err error) {
	if r.exporter, err = daemons.PostgresExporter(r.server); err != nil || r.pooler == nil {
		return err
	}
	dsn := r.pooler.DSN("monitor", "pgbouncer")
	r.exported = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ctx, cancel := context.WithTimeout(req.Context(), time.Second)
		defer cancel()
		exportPooler(ctx, w, dsn)
	}))
	return nil
}

// exported is what pgbouncer_exporter makes of the console's tables: the name
// of a series by table and column.
var exported = []struct {
	table  string
	labels []string
	series map[string]string
	scale  float64
}{
	{"POOLS", []string{"database", "user"}, map[string]string{
		"cl_waiting": "pgbouncer_pools_client_waiting_connections", "maxwait": "pgbouncer_pools_client_maxwait_seconds",
		"sv_active": "pgbouncer_pools_server_active_connections", "sv_idle": "pgbouncer_pools_server_idle_connections",
		"sv_used": "pgbouncer_pools_server_used_connections",
	}, 1},
	{"DATABASES", []string{"name"}, map[string]string{
		"pool_size": "pgbouncer_databases_pool_size", "paused": "pgbouncer_databases_paused", "disabled": "pgbouncer_databases_disabled",
	}, 1},
	{"STATS", []string{"database"}, map[string]string{
		"total_xact_count": "pgbouncer_stats_sql_transactions_pooled_total", "total_query_count": "pgbouncer_stats_queries_pooled_total",
	}, 1},
	{"STATS", []string{"database"}, map[string]string{
		"total_xact_time": "pgbouncer_stats_server_in_transaction_seconds_total", "total_query_time": "pgbouncer_stats_queries_duration_seconds_total",
		"total_wait_time": "pgbouncer_stats_client_wait_seconds_total",
	}, 1e-6},
}

func exportPooler(ctx context.Context, w io.Writer, dsn string) {
	c, err := pgx.Connect(ctx, dsn+"&default_query_exec_mode=simple_protocol")
	if err != nil {
		fmt.Fprint(w, "# TYPE pgbouncer_up gauge\npgbouncer_up 0\n")
		return
	}
	defer c.Close(ctx)
	fmt.Fprint(w, "# TYPE pgbouncer_up gauge\npgbouncer_up 1\n")
	for _, e := range exported {
		rows := table(ctx, c, e.table)
		for column, name := range e.series {
			fmt.Fprintf(w, "# TYPE %s gauge\n", name)
			for _, row := range rows {
				fmt.Fprintf(w, "%s{", name)
				for _, label := range e.labels {
					fmt.Fprintf(w, "%s=%q,", label, row[label])
				}
				var v float64
				_, _ = fmt.Sscan(row[column], &v) // they are numbers
				fmt.Fprintf(w, "} %g\n", v*e.scale)
			}
		}
	}
	for _, row := range table(ctx, c, "LISTS") {
		if row["list"] == "used_clients" {
			fmt.Fprintf(w, "# TYPE pgbouncer_used_clients gauge\npgbouncer_used_clients %s\n", row["items"])
		}
	}
	for _, row := range table(ctx, c, "CONFIG") {
		if row["key"] == "max_client_conn" {
			fmt.Fprintf(w, "# TYPE pgbouncer_config_max_client_connections gauge\npgbouncer_config_max_client_connections %s\n", row["value"])
		}
	}
}

// table reads one of the console's tables, as text.
func table(ctx context.Context, c *pgx.Conn, name string) []map[string]string {
	rows, err := c.Query(ctx, "SHOW "+name)
	if err != nil {
		return nil
	}
	defer rows.Close()
	var out []map[string]string
	for rows.Next() {
		row := map[string]string{}
		for i, f := range rows.FieldDescriptions() {
			row[f.Name] = string(rows.RawValues()[i])
		}
		out = append(out, row)
	}
	return out
}
