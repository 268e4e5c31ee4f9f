package daemons

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
)

// Redis starts a Redis server that keeps nothing on disk. The error is
// exec.ErrNotFound where there is none.
func Redis() (*Daemon, error) {
	program, err := find("redis-server")
	if err != nil {
		return nil, err
	}
	d, err := prepare()
	if err != nil {
		return d, err
	}
	ready := func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.Address())
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := fmt.Fprint(conn, "PING\r\n"); err != nil {
			return err
		}
		_, err = bufio.NewReader(conn).ReadString('\n')
		return err
	}
	return d, d.start(ready, program, "--port", strconv.Itoa(d.Port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", d.Dir)
}

// Address is host:port.
func (d *Daemon) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.Port)) }
