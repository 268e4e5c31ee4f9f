package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/user"
	"strconv"
)

// Caller is who is at the other end of the socket.
type Caller struct {
	UID    int    `json:"uid"`
	User   string `json:"user"`   // of the operating system; uid:N when it has no name
	Person string `json:"person"` // of the configuration; os:USER when the user is nobody in it
}

type callerKey struct{}

// callerOf returns who made a request's connection.
func callerOf(ctx context.Context) (Caller, error) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	if !ok {
		return Caller{}, &Problem{Text: "it cannot be told who asks", Class: classRefused, Hint: "talk to the owner through its unix socket"}
	}
	return c, nil
}

// identify notes who made a connection. A connection of which that cannot be
// told is nobody's, and every request on it is refused.
func (s *Server) identify(ctx context.Context, conn net.Conn) context.Context {
	uid, err := peer(conn)
	if err != nil {
		return ctx
	}
	c := Caller{UID: uid, User: userName(uid)}
	if c.Person = s.cfg.Person(c.User); c.Person == "" {
		c.Person = "os:" + c.User
	}
	return context.WithValue(ctx, callerKey{}, c)
}

func userName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return fmt.Sprintf("uid:%d", uid) // as in a container without /etc/passwd
	}
	return u.Username
}

// errNoPeer says that the system does not tell who is at the other end.
var errNoPeer = errors.New("the other end of the connection is unknown")
