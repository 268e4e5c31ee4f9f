package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/server/paging"
)

func newPages(a *app) *cobra.Command {
	var limit int
	var role string
	c := withExits(&cobra.Command{
		Use:     "pages",
		Short:   "List whom firebreak has woken, and try whether it can",
		Long:    "pages looks at what firebreak has sent to PagerDuty, or is about to.",
		Example: "  firebreak pages list\n  firebreak pages test",
		Args:    args(0, 0, "list or test"),
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	})
	list := withExits(&cobra.Command{
		Use:   "list",
		Short: "List pages, the last one first",
		Long: `list shows each trouble once: who is woken and why, and how far that has come. One
that could not be sent says why, and is tried again for as long as the trouble goes on.`,
		Example: "  firebreak pages list\n  firebreak pages list --limit 0 --json",
		Args:    args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 0 {
				return &usageError{err: fmt.Errorf("--limit %d is no number of pages", limit), hint: "0 lists all of them"}
			}
			return a.listPages(c.Context(), limit)
		},
	}, exitState)
	list.Flags().IntVar(&limit, "limit", 20, "at most so many; 0: all")
	test := withExits(&cobra.Command{
		Use:   "test",
		Short: "Wake somebody, and take it back",
		Long: `test sends a page as paging in firebreak.yaml says, waits until it was taken, and
resolves it. Somebody may be woken. It needs no state.`,
		Example: "  firebreak pages test\n  firebreak pages test --role sre-leads",
		Args:    args(0, 0, "no arguments"),
		RunE:    func(c *cobra.Command, _ []string) error { return a.testPage(c.Context(), role) },
	}, exitProblems)
	test.Flags().StringVar(&role, "role", "", "who is to be woken: a `ROLE` of paging.roles (default: whoever is behind routing_key)")
	c.AddCommand(list, test)
	return c
}

func (a *app) listPages(ctx context.Context, limit int) error {
	var all []sqlite.Page
	err := a.hasState()
	if err == nil {
		err = a.withReader(ctx, func(r *sqlite.Reader) error {
			var err error
			all, err = r.Pages(ctx, limit)
			return err
		})
	}
	if err != nil && !errors.Is(err, errNoState) {
		return err
	}
	defer a.tellNoState(err)
	lines := make([]pageLine, 0, len(all))
	for _, p := range all {
		lines = append(lines, pageLineOf(p))
	}
	return table(a, "paged", "no pages", "SINCE\tFOR\tSTATE\tTEXT", lines, func(w io.Writer, l pageLine) {
		state := l.State
		if l.Error != "" && l.State != pageClosed {
			state += " (" + l.Error + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.OpenedAt.Local().Format("2006-01-02 15:04:05"), l.Role, chatops.OneLine(state), chatops.OneLine(l.Text))
	})
}

// The states of a page.
const (
	pageWaits     = "waits"     // nobody has been woken yet
	pageSent      = "sent"      // somebody has
	pageResolving = "resolving" // it is over, and that is still to be sent
	pageClosed    = "closed"    // it is over
)

// pageLine is a page as a line of JSON.
type pageLine struct {
	Key      string    `json:"key"`
	Run      string    `json:"run"`
	Role     string    `json:"role"`
	State    string    `json:"state"`
	Text     string    `json:"text"`
	OpenedAt time.Time `json:"opened_at"`
	SentAt   time.Time `json:"sent_at,omitzero"`
	OverAt   time.Time `json:"over_at,omitzero"`
	Tries    int       `json:"tries"`
	Error    string    `json:"error"`
}

func pageLineOf(p sqlite.Page) pageLine {
	l := pageLine{
		Key: p.Key, Run: p.Run, Role: p.Role, State: pageSent, Text: p.Text,
		OpenedAt: p.OpenedAt, SentAt: p.SentAt, OverAt: p.OverAt, Tries: p.Tries, Error: p.Error,
	}
	switch {
	case !p.ClosedAt.IsZero():
		l.State = pageClosed
	case !p.OverAt.IsZero():
		l.State = pageResolving
	case p.SentAt.IsZero():
		l.State = pageWaits
	}
	return l
}

func (a *app) testPage(ctx context.Context, role string) error {
	ws, err := a.loadWorkspace(ctx)
	if err != nil {
		return err
	}
	config := ws.config.Paging
	switch {
	case config == nil:
		return fail(exitProblems, "add paging: with a routing_key to firebreak.yaml", "the configuration has no paging")
	case role != "" && config.Roles[role] == "":
		return fail(exitProblems, "name one of paging.roles in firebreak.yaml", "paging has no role %s of its own", role)
	}
	p := paging.New(paging.Config{Paging: config, Secret: host.Secret, Host: hostname()})
	if err := p.Try(ctx, role); err != nil {
		return fail(exitError, "look at paging in firebreak.yaml, and whether this machine reaches the address", "nobody was woken: %w", err)
	}
	a.printf("it was taken, and taken back\n")
	return nil
}
