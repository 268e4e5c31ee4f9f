// Package server is how other processes talk to the owner of a state: HTTP
// over a unix socket, and, where a [Front] listens, over the network. The
// routes are listed in routes.go and described at /v1/openapi.json.
//
// A GET never decides anything. On the socket, who asks is the operating
// system's user at its other end. Over the network it is the holder of a
// token, which says what it lets do at all; the engine alone decides who may
// answer what. An answer that is not 2xx is a [Problem]; see there for the
// statuses. Readers ignore fields that they do not know.
//
// The package knows values of the engine, and no runtime.
package server
