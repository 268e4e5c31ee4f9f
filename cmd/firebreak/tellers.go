package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/intake"
)

// tokens are those of a state, with what only the configuration can tell: who
// there is.
type tokens struct {
	store *sqlite.Store
	ws    *workspace
}

// known refuses a holder who is nobody.
func (t tokens) known(holder string) error {
	if strings.HasPrefix(holder, server.MachinePrefix) || t.ws.config.People[holder] != nil {
		return nil
	}
	return fail(exitNotFound, "the people are: "+orNone(slices.Sorted(maps.Keys(t.ws.config.People))),
		"there is no person %s in %s", holder, t.ws.config.File)
}

// Add implements [server.Tokens].
func (t tokens) Add(ctx context.Context, token server.Token) error {
	if err := t.known(token.Holder); err != nil {
		return err
	}
	may := make([]string, 0, len(token.May))
	for _, right := range token.May {
		may = append(may, string(right))
	}
	return t.store.AddToken(ctx, sqlite.Token{
		ID: token.ID, Hash: token.Hash[:], Holder: token.Holder, May: may, MadeBy: token.MadeBy, MadeAt: token.MadeAt, ExpiresAt: token.ExpiresAt,
	}, sqlite.Act{
		At: token.MadeAt, Kind: "token_made", By: token.MadeBy,
		Text: "token " + token.ID + " for " + token.Holder + ", which may " + strings.Join(may, ", ") + " until " + token.ExpiresAt.Format(time.RFC3339),
	})
}

// Find implements [server.Tokens].
func (t tokens) Find(ctx context.Context, id string) (server.Token, error) {
	found, err := t.store.Token(ctx, id)
	if err != nil {
		return server.Token{}, err
	}
	return tokenOf(found), t.known(found.Holder)
}

// All implements [server.Tokens].
func (t tokens) All(ctx context.Context) ([]server.Token, error) {
	found, err := t.store.Tokens(ctx)
	all := make([]server.Token, 0, len(found))
	for _, one := range found {
		all = append(all, tokenOf(one))
	}
	return all, err
}

// Revoke implements [server.Tokens].
func (t tokens) Revoke(ctx context.Context, id, by string) error {
	return t.store.RevokeToken(ctx, id, sqlite.Act{At: time.Now().UTC(), Kind: "token_revoked", By: by, Text: "token " + id})
}

func tokenOf(t sqlite.Token) server.Token {
	out := server.Token{ID: t.ID, Holder: t.Holder, MadeBy: t.MadeBy, MadeAt: t.MadeAt, ExpiresAt: t.ExpiresAt, RevokedAt: t.RevokedAt}
	copy(out.Hash[:], t.Hash)
	for _, right := range t.May {
		out.May = append(out.May, server.Right(right))
	}
	return out
}

// changes are those of a state, of services that there are.
type changes struct {
	store *sqlite.Store
	ws    *workspace
	rt    *local.Runtime
}

// Report implements [server.Changes].
func (c changes) Report(ctx context.Context, change server.Change) error {
	if c.ws.config.Services[change.Service] == nil {
		return fail(exitNotFound, "firebreak.yaml has "+orNone(slices.Sorted(maps.Keys(c.ws.config.Services))), "there is no service %q", change.Service)
	}
	kept := sqlite.Change{
		Reporter: change.Reporter, ID: change.ID, Service: change.Service, At: change.At, Kind: string(change.Kind), Title: change.Title,
		Author: change.Author, Before: change.Before, After: change.After, URL: change.URL, HeardAt: change.HeardAt,
	}
	if err := c.store.KeepChange(ctx, kept); err != nil {
		return err
	}
	return c.rt.Changed(ctx, change.Service, changeOf(kept))
}

// changeOf is a change as a run is told of it.
func changeOf(c sqlite.Change) engine.ServiceChange {
	return engine.ServiceChange{Reporter: c.Reporter, ID: c.ID, At: c.At, Author: c.Author, Title: c.Title}
}

// reported are the changes of a service since a time, for its runs.
func (o *owner) reported(ctx context.Context, service string, since time.Time) ([]engine.ServiceChange, error) {
	found, err := o.store.Changes(ctx, sqlite.ChangeFilter{Service: service, Since: since})
	all := make([]engine.ServiceChange, 0, len(found))
	for _, one := range found {
		all = append(all, changeOf(one))
	}
	return all, err
}

// Reported implements [server.Changes].
func (c changes) Reported(ctx context.Context, q server.ChangeQuery) ([]server.Change, error) {
	found, err := c.store.Changes(ctx, sqlite.ChangeFilter(q))
	all := make([]server.Change, 0, len(found))
	for _, one := range found {
		all = append(all, server.Change{
			N: one.N, Reporter: one.Reporter, HeardAt: one.HeardAt,
			ChangeRequest: server.ChangeRequest{
				ID: one.ID, Service: one.Service, At: one.At, Kind: server.ChangeKind(one.Kind), Title: one.Title,
				Author: one.Author, Before: one.Before, After: one.After, URL: one.URL,
			},
		})
	}
	return all, err
}

func (o *owner) services() []server.ServiceView {
	config := o.ws.config
	var all []server.ServiceView
	for _, name := range slices.Sorted(maps.Keys(config.Services)) {
		svc := config.Services[name]
		v := server.ServiceView{Name: name, Environment: svc.Environment, Owner: svc.Owner, Capabilities: []server.Served{}}
		for _, capability := range slices.Sorted(maps.Keys(svc.Sections)) {
			v.Capabilities = append(v.Capabilities, server.Served{Capability: capability, Plugin: svc.Sections[capability].Plugin})
		}
		all = append(all, v)
	}
	return all
}

func (o *owner) alerts(ctx context.Context, limit int, after int64) ([]server.AlertView, error) {
	found, err := o.store.Alerts(ctx, limit, after)
	all := make([]server.AlertView, 0, len(found))
	for _, a := range found {
		all = append(all, alertView(intake.Entry(a)))
	}
	return all, err
}

func (o *owner) audit(ctx context.Context, limit int, after int64) (server.AuditView, error) {
	acts, err := o.store.Acts(ctx, limit, after)
	if err != nil {
		return server.AuditView{}, err
	}
	v := server.AuditView{Acts: []server.Act{}}
	for _, a := range acts {
		v.Acts = append(v.Acts, server.Act(a))
	}
	v.Head, v.Transactions, err = o.store.Head(ctx)
	return v, err
}

// ready is why work that comes now would not be done.
func (o *owner) ready() error {
	if o.host == nil {
		return errNoDriver
	}
	select {
	case <-o.rt.Done():
		return fail(exitState, "", "the owner of the state is ending")
	default:
		return nil
	}
}
