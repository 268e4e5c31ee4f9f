package server

import (
	"crypto/tls"
	"errors"
	"os"
	"sync"
	"time"
)

// certificate is what a front shows of itself. It is read anew when its files
// have changed, and stays what it was while they do not fit each other. Any
// goroutine may ask for it.
type certificate struct {
	cert, key string

	mu     sync.Mutex
	held   *tls.Certificate
	stamps [2]time.Time // of the files that it was read from
}

// get is the certificate as it is now. It fails only if there never was one.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var stamps [2]time.Time
	var errs [2]error
	for i, name := range []string{c.cert, c.key} {
		info, err := os.Stat(name)
		if err == nil {
			stamps[i] = info.ModTime()
		}
		errs[i] = err
	}
	err := errors.Join(errs[:]...)
	if err == nil && stamps != c.stamps {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.cert, c.key); err == nil {
			c.held, c.stamps = &pair, stamps
		}
	}
	if c.held == nil {
		return nil, err
	}
	return c.held, nil
}
