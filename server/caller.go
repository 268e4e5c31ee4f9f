package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/user"
	"strconv"
	"strings"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/service"
)

// Caller is who asks: the user of the operating system at the other end of the
// socket, or the holder of a token.
type Caller struct {
	Person string  `json:"person"`          // of the configuration; os:USER when the user is nobody in it; machine:NAME
	User   string  `json:"user,omitempty"`  // of the operating system; uid:N when it has no name
	Token  string  `json:"token,omitempty"` // its id
	May    []Right `json:"may,omitempty"`   // of the token; who comes through the socket may do everything
}

// MachinePrefix is what the name of a machine has before it where people
// stand, too.
const MachinePrefix = service.MachinePrefix

// Requester is the caller as the one who starts a run.
func (c Caller) Requester() engine.Requester {
	r := engine.Requester{Kind: "person", Name: c.Person}
	if strings.HasPrefix(c.Person, MachinePrefix) {
		r.Kind = "machine"
	}
	return r
}

type callerKey struct{}

// atSocket returns who made a request's connection to the socket.
func (s *Server) atSocket(r *http.Request) (Caller, error) {
	c, ok := r.Context().Value(callerKey{}).(Caller)
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
	c := Caller{User: userName(uid)}
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
