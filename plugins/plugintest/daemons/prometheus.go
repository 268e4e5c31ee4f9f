package daemons

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
)

// Prometheus starts a Prometheus server with a configuration. The error is
// exec.ErrNotFound where there is none.
func Prometheus(config string) (*Daemon, error) {
	program, err := find("prometheus")
	if err != nil {
		return nil, err
	}
	d, err := prepare()
	if err != nil {
		return d, err
	}
	if err := d.Write("prometheus.yml", config); err != nil {
		return d, err
	}
	d.ends = syscall.SIGKILL // what it has stored goes with it
	ready := func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.Address()+"/-/ready", nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		if res.StatusCode != http.StatusOK {
			err = fmt.Errorf("it says %s", res.Status)
		}
		return errors.Join(err, res.Body.Close())
	}
	return d, d.start(ready, program, "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address="+d.Address())
}
