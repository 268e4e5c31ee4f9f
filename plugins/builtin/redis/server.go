package redis

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

const (
	dialWithin = time.Second
	port       = "6379"
)

// server is where a queue is, and who logs in there.
type server struct {
	address        string // host:port
	database       int
	user, password string
	encrypted      bool
}

// parseURL reads redis://user:password@host:6379/0, or rediss:// with TLS.
func parseURL(text string) (server, error) {
	if text == "" {
		return server{}, fmt.Errorf("is missing: it is an address such as redis://user:password@host:6379/0; write {secret: \"env:QUEUE_URL\"}")
	}
	// Its error may quote the address, and with it a password.
	refused := fmt.Errorf("is no address (it is not shown, since it may hold a password); write redis://user:password@host:6379/0")
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return server{}, refused
	}
	s := server{address: net.JoinHostPort(u.Hostname(), port), user: u.User.Username(), encrypted: u.Scheme == "rediss"}
	if u.Port() != "" {
		s.address = u.Host
	}
	s.password, _ = u.User.Password()
	if path := strings.Trim(u.Path, "/"); path != "" {
		if s.database, err = strconv.Atoi(path); err != nil || s.database < 0 {
			return server{}, refused
		}
	}
	return s, nil
}

// connect blocks for some seconds at most.
func (s server) connect(ctx context.Context) (redis.Conn, error) {
	conn, err := redis.DialContext(ctx, "tcp", s.address,
		redis.DialConnectTimeout(dialWithin), redis.DialTLSHandshakeTimeout(dialWithin), redis.DialReadTimeout(dialWithin), redis.DialWriteTimeout(dialWithin),
		redis.DialUsername(s.user), redis.DialPassword(s.password), redis.DialDatabase(s.database), redis.DialUseTLS(s.encrypted))
	if err != nil {
		return nil, err
	}
	// So that people see who that is, where the login may say so.
	if _, err := redis.DoContext(conn, ctx, "CLIENT", "SETNAME", "firebreak"); err != nil && !isSpoken(err) {
		_ = conn.Close() // it failed
		return nil, err
	}
	return conn, nil
}
