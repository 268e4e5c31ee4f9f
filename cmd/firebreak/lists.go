package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/server"
)

func newApprovals(a *app) *cobra.Command {
	return withExits(&cobra.Command{
		Use:   "approvals",
		Short: "List what runs ask people",
		Long: `approvals lists the open questions of all runs, gates and others, the run that began
first at the beginning: who may answer, and until when. firebreak runs show has what
would be done, and how to answer.`,
		Example: "  firebreak approvals",
		Args:    args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withRuns(c.Context(), a.workspaceOrNone, func(s *session) error {
				all, err := s.Approvals(c.Context())
				if err != nil {
					return err
				}
				return table(a, "question", "nobody is asked anything", "RUN\tRUNBOOK\tSTEP\tOF\tUNTIL\tQUESTION", all, func(w io.Writer, q server.Asked) {
					until := ""
					if !q.Question.Expires.IsZero() {
						until = q.Question.Expires.Local().Format("15:04:05")
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", q.Run, q.Runbook, q.Question.Path, strings.Join(q.Question.Roles, ","), until, chatops.OneLine(q.Question.Text))
				})
			})
		},
	}, exitNotFound, exitState)
}

func newRunbooks(a *app) *cobra.Command {
	c := withExits(&cobra.Command{
		Use:     "runbooks",
		Short:   "List runbooks that can be run by name",
		Long:    "runbooks looks at the runbooks in --runbooks and at those that are built in. It changes\nnothing.",
		Example: "  firebreak runbooks list",
		Args:    args(0, 0, "list"),
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	})
	list := withExits(&cobra.Command{
		Use:   "list",
		Short: "List runbooks by name",
		Long: `list shows the runbooks that firebreak run takes by name: those in --runbooks, then
those that are built in. Of one that does not pass check it says why, lists the
others, and ends with 3. With --server they are those that the daemon has read.`,
		Example: "  firebreak runbooks list\n  firebreak runbooks list --json",
		Args:    args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			all, problems := a.readRunbooks(c.Context())
			if len(all) == 0 && problems != nil {
				return problems
			}
			return errors.Join(problems, table(a, "runbook", "no runbooks", "RUNBOOK\tCHANGES\tFROM\tTITLE", all, func(w io.Writer, v server.RunbookView) {
				changes := "nothing"
				if v.Changes {
					changes = "something"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", v.Name, changes, v.File, chatops.OneLine(v.Title))
			}))
		},
	}, exitProblems, exitState)
	c.AddCommand(list)
	return c
}

// readRunbooks asks the daemon on another machine, or reads those here: those
// that pass are returned beside the error.
func (a *app) readRunbooks(ctx context.Context) (all []server.RunbookView, err error) {
	if a.remoteURL() != "" {
		err = a.asOwner(ctx, nil, func(s *session) error {
			all, err = s.Runbooks(ctx)
			return err
		})
		return all, err
	}
	ws, err := a.loadWorkspace(ctx)
	if err != nil {
		return nil, err
	}
	books, err := a.shelved(ws)
	return books.views(), err
}

func newChanges(a *app) *cobra.Command {
	c := withExits(&cobra.Command{
		Use:     "changes",
		Short:   "Report and list what was changed elsewhere",
		Long:    "changes is about deploys, feature flags and settings that others have changed.",
		Example: "  firebreak changes list",
		Args:    args(0, 0, "list or report"),
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	})
	q := server.ChangeQuery{}
	var since time.Duration
	list := withExits(&cobra.Command{
		Use:     "list",
		Short:   "List changes that were reported, the last first",
		Long:    "list shows what was reported of services: when it was changed, what, and by whom.",
		Example: "  firebreak changes list --service api --since 2h",
		Args:    args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if q.Limit < 0 || since < 0 {
				return &usageError{err: errors.New("--limit and --since are not negative"), hint: "0 lists all of them"}
			}
			if since > 0 {
				q.Since = time.Now().Add(-since)
			}
			return a.withRuns(c.Context(), a.workspaceOrNone, func(s *session) error {
				limit := q.Limit
				q.Limit = wanted(limit)
				all, err := s.Changes(c.Context(), q)
				if err != nil {
					return err
				}
				all, more := some(all, limit)
				defer a.tellMore(more, limit)
				return table(a, "change", "no changes", "AT\tSERVICE\tKIND\tBY\tTITLE", all, func(w io.Writer, v server.Change) {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", v.At.Local().Format("2006-01-02 15:04:05"), v.Service, v.Kind, chatops.OneLine(v.Author), chatops.OneLine(v.Title))
				})
			})
		},
	}, exitNotFound, exitState)
	list.Flags().StringVar(&q.Service, "service", "", "only those of a service")
	list.Flags().DurationVar(&since, "since", 0, "only those made this `LONG` ago at most, such as 2h (default: all)")
	list.Flags().IntVar(&q.Limit, "limit", 20, "at most so many; 0: all")
	var req server.ChangeRequest
	report := withExits(&cobra.Command{
		Use:   "report ID",
		Short: "Report a change that was made to a service",
		Long: `report says what was changed, so that whoever looks for a cause finds it. ID is the
reporter's own: the same one again replaces what was reported.`,
		Example: `  firebreak changes report build-4711 --service api --kind deploy --title v2.3.0
  firebreak changes report flag-12 --service api --kind flag --title "new checkout on" --author ann`,
		Args: args(1, 1, "an id"),
		RunE: func(c *cobra.Command, got []string) error {
			req.ID = got[0]
			return a.asOwner(c.Context(), a.loadWorkspace, func(s *session) error {
				v, err := s.Report(c.Context(), req)
				if err != nil {
					return err
				}
				if a.flags.json {
					return a.printJSON(line[server.Change]("change", v))
				}
				a.printf("reported: %s of %s\n", v.ID, v.Service)
				return nil
			})
		},
	}, exitNotFound, exitState)
	f := report.Flags()
	f.StringVar(&req.Service, "service", "", "the service that was changed")
	f.StringVar((*string)(&req.Kind), "kind", "other", "deploy, flag, config or other")
	f.StringVar(&req.Title, "title", "", "what people read")
	f.StringVar(&req.Author, "author", "", "who made it")
	f.StringVar(&req.Before, "before", "", "what it was before")
	f.StringVar(&req.After, "after", "", "what it is now")
	f.StringVar(&req.URL, "url", "", "where more is said")
	c.AddCommand(list, report)
	return c
}

// line is a value as a line of JSON, with its type before its fields.
func line[T any](kind string, v T) any { return jsonLine[T]{kind, v} }

// some is what a list of so many shows, and whether there are more; limit 0:
// all. What it is asked for is one more: see [wanted].
func some[T any](all []T, limit int) ([]T, bool) {
	if limit == 0 || len(all) <= limit {
		return all, false
	}
	return all[:limit], true
}

// wanted is how many a list of so many asks for.
func wanted(limit int) int {
	if limit == 0 {
		return 0
	}
	return limit + 1
}

// tellMore says that a list was cut.
func (a *app) tellMore(more bool, limit int) {
	if more && !a.flags.json {
		fmt.Fprintf(a.err, "firebreak: these are the last %d, and there are more: --limit 0 shows all of them\n", limit)
	}
}

// table writes what is listed, for people or for programs.
func table[T any](a *app, kind, none, head string, all []T, row func(io.Writer, T)) error {
	if a.flags.json {
		for _, v := range all {
			if err := a.printJSON(line(kind, v)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(all) == 0 {
		a.printf("%s\n", none)
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for _, v := range all {
		row(w, v)
	}
	return w.Flush()
}

// jsonLine is a value with its type.
type jsonLine[T any] struct {
	kind string
	v    T
}

// MarshalJSON implements [json.Marshaler].
func (t jsonLine[T]) MarshalJSON() ([]byte, error) {
	fields, err := json.Marshal(t.v)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `{"type":%q,%s`, t.kind, fields[1:]), nil // every value has fields
}
