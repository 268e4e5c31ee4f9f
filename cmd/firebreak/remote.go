package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/server/client"
)

// remoteURL is the address of the daemon that verbs are for; empty: they are
// for the state here. A state that is named goes before a variable.
func (a *app) remoteURL() string {
	if a.flags.server != "" || a.flags.state != "" {
		return a.flags.server
	}
	return a.env("FIREBREAK_SERVER")
}

// defaultToken is where the token is if nobody says otherwise.
const defaultToken = "env:FIREBREAK_TOKEN" //nolint:gosec // a reference

// remote returns a client of the daemon on another machine.
func (a *app) remote() (*client.Client, error) {
	if a.flags.server != "" && a.flags.state != "" {
		return nil, &usageError{err: errors.New("--server and --state do not go together"), hint: "leave one of them out"}
	}
	r := client.Remote{URL: a.remoteURL()}
	ref := a.flags.token
	if ref == "" {
		ref = defaultToken
	}
	if !strings.HasPrefix(ref, "env:") && !strings.HasPrefix(ref, "file:") { // it may be the token itself: it is not repeated
		return nil, &usageError{
			err:  errors.New("--token takes env:NAME or file:/path, never the token itself"),
			hint: "what stands on a command line is seen by everybody on the machine: if it was the token, `firebreak tokens revoke` it",
		}
	}
	var err error
	if r.Token, err = host.Secret(ref); err != nil {
		return nil, fail(exitUsage, "set FIREBREAK_TOKEN, or name a file with --token file:/path", "the token: %w", err)
	}
	ca := a.flags.serverCA
	if ca == "" {
		ca = a.env("FIREBREAK_SERVER_CA")
	}
	if ca != "" {
		if r.CA, err = os.ReadFile(ca); err != nil {
			return nil, fail(exitUsage, "name another with --server-ca", "the certificates to trust: %w", err)
		}
	}
	c, err := client.NewRemote(r)
	switch {
	case errors.Is(err, client.ErrExposed):
		return nil, fail(exitUsage, "write https://", "%s is another machine: %w", r.URL, err)
	case err != nil:
		return nil, fail(exitUsage, "write https://HOST:PORT, as in --server https://firebreak.example.com:8443", "the address %.200q: %w", r.URL, err)
	}
	return c, nil
}

// here refuses what only works where the state is.
func (a *app) here(what string) error {
	if url := a.remoteURL(); url != "" {
		return fail(exitUsage, "do it on the machine that has the state, without --server and FIREBREAK_SERVER",
			"%s works on a state file, not through %s", what, url)
	}
	return nil
}

// as is how commands name a run: by its id, and by the state or the daemon
// that this command was told to use.
func (a *app) as(run string) string {
	switch {
	case a.flags.server != "":
		return fmt.Sprintf("%s --server %s", run, a.flags.server)
	case a.flags.state != "":
		return fmt.Sprintf("%s --state %s", run, a.flags.state)
	}
	return run
}
