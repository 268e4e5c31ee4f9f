package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/server"
)

func newTokens(a *app) *cobra.Command {
	var rights strings.Builder
	for _, r := range server.Rights() {
		fmt.Fprintf(&rights, "  %-8s %s\n", r, r.About())
	}
	c := withExits(&cobra.Command{
		Use:   "tokens",
		Short: "Make, list and revoke tokens of those who come over the network",
		Long: `A token proves to firebreak serve who asks: a person of firebreak.yaml, whose roles are
theirs, or a machine, whose roles are those that name it under machines:. What a token
lets do at all is said when it is made:

` + rights.String() + `
Tokens are made where the state is, and never over the network. Only a hash of each is
kept. Each step in its life is an act in firebreak audit.`,
		Example: `  firebreak tokens list
  firebreak tokens revoke k7qzm2ab`,
		Args: args(0, 0, "create, list or revoke"),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	})
	var req server.TokenRequest
	var may []string
	var life string
	create := withExits(&cobra.Command{
		Use:   "create",
		Short: "Make a token, and print it this once",
		Long: `create prints the token, and nothing keeps it. Put it where its holder reads it: a
secret store, or a file that nobody else can read. For a person, --may may be left
out: read, run, answer and stop.`,
		Example: `  firebreak tokens create --person ann --expires 30d
  firebreak tokens create --machine ci --may report
  firebreak tokens create --machine prometheus --may metrics --expires 365d`,
		Args: args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if (req.Person == "") == (req.Machine == "") {
				return &usageError{err: errors.New("a token is of a person or of a machine"), hint: "give --person NAME or --machine NAME"}
			}
			if len(may) == 0 && req.Machine != "" {
				return &usageError{err: errors.New("it is not said what the machine may"), hint: "give --may, such as --may report"}
			}
			for _, right := range may {
				if !slices.Contains(server.Rights(), server.Right(right)) {
					return &usageError{err: fmt.Errorf("there is no right %q", right), hint: "`firebreak tokens --help` lists them"}
				}
				req.May = append(req.May, server.Right(right))
			}
			if len(may) == 0 {
				req.May = []server.Right{server.MayRead, server.MayRun, server.MayAnswer, server.MayStop}
			}
			age, err := parseAge("--expires", life)
			if err != nil {
				return err
			}
			req.Seconds = age.Seconds()
			return a.createToken(c.Context(), req)
		},
	}, exitNotFound, exitState)
	f := create.Flags()
	f.StringVar(&req.Person, "person", "", "the `PERSON` of firebreak.yaml who holds it")
	f.StringVar(&req.Machine, "machine", "", "the `NAME` of the machine that holds it")
	f.StringSliceVar(&may, "may", nil, "the `RIGHTS` that it gives, with commas between")
	f.StringVar(&life, "expires", "90d", "how long it is good: 90d, or 36h; 366d at most")
	list := withExits(&cobra.Command{
		Use:     "list",
		Short:   "List tokens, the newest first",
		Long:    "list shows every token that was made, and whether it is still good.",
		Example: "  firebreak tokens list --json",
		Args:    args(0, 0, "no arguments"),
		RunE:    func(c *cobra.Command, _ []string) error { return a.listTokens(c.Context()) },
	}, exitState)
	revoke := withExits(&cobra.Command{
		Use:     "revoke TOKEN",
		Short:   "Make a token useless, at once and for ever",
		Long:    "revoke takes the id that list shows, which is also the part of the token between its\nunderscores.",
		Example: "  firebreak tokens revoke k7qzm2ab",
		Args:    args(1, 1, "the id of a token"),
		RunE: func(c *cobra.Command, got []string) error {
			if strings.HasPrefix(got[0], "fb_") {
				return &usageError{err: errors.New("this is a token, not its id"), hint: "give the part between its underscores; what stands on a command line is seen by everybody on the machine"}
			}
			return a.withTokens(c.Context(), func(s *session) error {
				if err := s.RevokeToken(c.Context(), got[0]); err != nil {
					return err
				}
				if a.flags.json {
					return a.printJSON(map[string]any{"type": "token_revoked", "token": got[0]})
				}
				a.printf("token %s is revoked\n", got[0])
				return nil
			})
		},
	}, exitNotFound, exitState)
	c.AddCommand(create, list, revoke)
	return c
}

// withTokens does something about tokens, where the state is.
func (a *app) withTokens(ctx context.Context, do func(*session) error) error {
	if err := a.here("tokens"); err != nil {
		return err
	}
	return a.asOwner(ctx, a.loadWorkspace, do)
}

func (a *app) createToken(ctx context.Context, req server.TokenRequest) error {
	return a.withTokens(ctx, func(s *session) error {
		t, err := s.MakeToken(ctx, req)
		if err != nil {
			return err
		}
		if a.flags.json {
			return a.printJSON(struct {
				Type string `json:"type"`
				server.MadeToken
			}{"token_made", t})
		}
		fmt.Fprintf(a.err, "token %s of %s, good until %s; it is not shown again:\n", t.ID, t.Holder, t.ExpiresAt.Local().Format("2006-01-02 15:04"))
		a.printf("%s\n", t.Token)
		return nil
	})
}

func (a *app) listTokens(ctx context.Context) error {
	return a.withTokens(ctx, func(s *session) error {
		all, err := s.Tokens(ctx)
		if err != nil {
			return err
		}
		return table(a, "token", "no tokens", "TOKEN\tOF\tMAY\tSTATE\tEXPIRES\tMADE BY", all, func(w io.Writer, t server.TokenView) {
			may := make([]string, 0, len(t.May))
			for _, r := range t.May {
				may = append(may, string(r))
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Holder, strings.Join(may, ","), t.State, t.ExpiresAt.Local().Format("2006-01-02 15:04"), t.MadeBy)
		})
	})
}
