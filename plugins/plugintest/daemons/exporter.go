package daemons

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"syscall"
)

// PostgresExporter starts the exporter of a server's metrics, as the superuser;
// Page is where it shows them.
func PostgresExporter(server *Daemon) (*Daemon, error) {
	program, err := exec.LookPath("prometheus-postgres-exporter")
	if err != nil {
		program, err = exec.LookPath("postgres_exporter")
	}
	if err != nil {
		return nil, err
	}
	d, err := prepare()
	if err != nil {
		return d, err
	}
	d.environment = []string{"DATA_SOURCE_NAME=" + server.DSN("admin", "postgres") + "&application_name=exporter"}
	d.ends = syscall.SIGTERM
	return d, d.start(func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.Page(), nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		return res.Body.Close()
	}, program, fmt.Sprintf("--web.listen-address=127.0.0.1:%d", d.Port))
}

// Page is where an exporter shows its metrics.
func (d *Daemon) Page() string { return fmt.Sprintf("http://127.0.0.1:%d/metrics", d.Port) }
