//go:build !linux

package daemons

import (
	"net"
	"os"
)

// hold finds a port that is free. Only Linux lets it be kept for a server.
func hold() (port int, held *os.File, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, nil, err
	}
	return l.Addr().(*net.TCPAddr).Port, nil, l.Close() //nolint:forcetypeassert // it is of tcp
}
