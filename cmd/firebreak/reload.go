package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/engine/policy"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/engine/service"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/alerts"
)

func newReload(a *app) *cobra.Command {
	return withExits(&cobra.Command{
		Use:   "reload",
		Short: "Have firebreak serve read the runbooks again",
		Long: `reload has the daemon read its runbooks as they are now: all of them, or, where one
does not pass, or may not come from where it is, none. Runs go on with the version
that they began with. It takes a role, and is in the audit.

firebreak.yaml is looked at, and not taken: reload names the sections of it that are
not what the daemon runs with, and refuses a file with problems. To take it is a new
start of the daemon.`,
		Example: "  firebreak reload",
		Args:    args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withOwner(c.Context(), func(s *session) error {
				done, err := s.Reload(c.Context())
				if err != nil {
					return err
				}
				if a.flags.json {
					return a.printJSON(line("reloaded", done))
				}
				a.printf("%d runbooks, of which %s\n", done.Runbooks, said(done.Changed, "\n  "))
				if len(done.Restart) > 0 {
					a.printf("%s\n", unread(done.Restart))
				}
				return nil
			})
		},
	}, exitProblems, exitRefused, exitNotFound, exitState)
}

// said says what has changed, each behind a separator.
func said(changed []server.BookChange, sep string) string {
	if len(changed) == 0 {
		return "none has changed"
	}
	lines := []string{fmt.Sprintf("%d changed:", len(changed))}
	for _, c := range changed {
		text := c.Runbook + " is " + c.What
		if len(c.Origins) > 0 {
			text += ", from " + c.Origins[0].String()
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, sep)
}

// unread says which sections of firebreak.yaml a daemon does not run with.
func unread(sections []string) string {
	return "firebreak.yaml says something else than the daemon runs with, which takes a new start of it: " + strings.Join(sections, ", ")
}

// kept are the runbooks of a daemon, as it has read them.
type kept struct {
	books   bookshelf
	all     []*runbook.Runbook // by name
	matcher *alerts.Matcher
}

// trace finds out where runbooks are from that a daemon is to keep, and
// refuses those that may not come from there.
func (w *workspace) trace(books bookshelf) (*kept, error) {
	k := &kept{books: books}
	for _, name := range slices.Sorted(maps.Keys(books)) {
		found := books[name]
		if err := found.trace(); err != nil {
			return nil, err
		}
		if err := w.supplied(found.origins); err != nil {
			return nil, err
		}
		k.all = append(k.all, found.book)
	}
	k.matcher = alerts.NewMatcher(k.all)
	return k, nil
}

// keep makes runbooks those of this daemon, and warns of those that automation
// may not begin.
func (o *owner) keep(k *kept) {
	for _, found := range k.books {
		o.origins.Store(found.book.Digest, found.origins)
	}
	for _, book := range k.all {
		if err := unwaived(book); err != nil {
			o.warn("", err)
		}
	}
	o.kept.Store(k)
}

// originsOf is where a runbook that this daemon has read was from.
func (o *owner) originsOf(book *runbook.Runbook) []policy.Origin {
	found, _ := o.origins.Load(book.Digest)
	origins, _ := found.([]policy.Origin)
	return origins
}

// reload reads the runbooks of a daemon anew. As with a halt, who has a role
// may. What is refused is in the audit, too.
func (o *owner) reload(ctx context.Context, by server.Caller) (server.Reloaded, error) {
	o.reloading.Lock()
	defer o.reloading.Unlock()
	now, done, err := o.reread(by)
	kind, text := "reloaded", "runbooks read anew, "+strings.ReplaceAll(said(done.Changed, "; "), ":;", ":")
	if err != nil {
		kind, text = "reload_refused", err.Error()
	} else if len(done.Restart) > 0 {
		text += "; " + unread(done.Restart)
	}
	stored := o.store.Act(ctx, sqlite.Act{At: time.Now().UTC(), Kind: kind, By: by.Person, Text: text})
	if err := cmp.Or(err, stored); err != nil {
		return server.Reloaded{}, err
	}
	o.keep(now)
	return done, nil
}

// reread are the runbooks of a daemon as they are now, all of which it may take.
func (o *owner) reread(by server.Caller) (*kept, server.Reloaded, error) {
	if refusal := o.ws.noRole(by.Person); refusal != "" {
		return nil, server.Reloaded{}, &engine.Refusal{By: by.Person, What: "reload", Reason: refusal}
	}
	was := o.kept.Load()
	if was == nil {
		return nil, server.Reloaded{}, fail(exitState, "only `firebreak serve` keeps them", "this process reads a runbook whenever one is run")
	}
	path, config, err := o.app.readConfig()
	if err != nil {
		return nil, server.Reloaded{}, err
	}
	_, problems := service.Parse(path, config)
	var books bookshelf
	if len(problems) == 0 {
		books, problems, err = o.app.shelve(o.ws)
	}
	if len(problems) > 0 {
		err = fail(exitProblems, "correct it; `firebreak check` lists all that is wrong", "nothing was read anew; %s", problems[0])
	}
	if err != nil {
		return nil, server.Reloaded{}, err
	}
	now, err := o.ws.trace(books)
	if err != nil {
		return nil, server.Reloaded{}, err
	}
	return now, server.Reloaded{Runbooks: len(books), Changed: changedBooks(was.books, books), Restart: service.Differ(o.ws.configBytes, config)}, nil
}

// changedBooks are the runbooks that are not as they were.
func changedBooks(was, is bookshelf) []server.BookChange {
	out := []server.BookChange{}
	names := maps.Clone(was)
	maps.Copy(names, is)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c := server.BookChange{Runbook: name, What: "changed"}
		switch {
		case is[name] == nil:
			c.What = "gone"
		case was[name] == nil:
			c.What = "new"
		case was[name].book.Digest == is[name].book.Digest:
			continue
		}
		if found := is[name]; found != nil {
			c.Digest, c.Origins = found.book.Digest, found.origins
		}
		out = append(out, c)
	}
	return out
}
