package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
)

func newAudit(a *app) *cobra.Command {
	c := withExits(&cobra.Command{
		Use:   "audit",
		Short: "Prove that the record is as it was written",
		Long: `audit reads the state file, beside an owner or without one, and changes nothing.

Every record carries a hash of itself and of the one before, and every transaction
one of the runs that it wrote to and of the transaction before. The last of these,
the head, stands for everything. Who can write the file can make all hashes anew:
note the head elsewhere from time to time, and show it to verify.`,
		Example: `  firebreak audit head
  firebreak audit verify`,
		Args: args(0, 0, "head or verify"),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	})
	head := withExits(&cobra.Command{
		Use:     "head",
		Short:   "Print the hash that stands for everything recorded so far",
		Long:    "head prints what to note elsewhere, and how many transactions it stands for. It looks\nat nothing else: verify does.",
		Example: "  firebreak audit head --json >>/mnt/elsewhere/heads",
		Args:    args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withReader(c.Context(), func(r *sqlite.Reader) error { return a.auditHead(c.Context(), r) })
		},
	}, exitState)
	var noted string
	verify := withExits(&cobra.Command{
		Use:   "verify [RUN]",
		Short: "Look for records that are not as they were written",
		Long: `verify computes every hash anew, of all runs or of one, and names each record that
was changed, is missing, or was put in, by run and number. With --head it also looks
whether the record once had that head: if not, all was made anew, or it is an older
state, as after a restore. A damaged file is named as such.`,
		Example: `  firebreak audit verify
  firebreak audit verify 1123-0301-k7qzm
  firebreak audit verify --head 4be1b3f0c1f9c9f3a5b1d4c29c6f3d0f1f0b3f9d9e0a7c6b5a4d3c2b1a09f8e7`,
		Args: args(0, 1, "at most one run"),
		RunE: func(c *cobra.Command, got []string) error {
			if noted != "" && !headForm.MatchString(noted) {
				return &usageError{err: fmt.Errorf("--head %.80q is no head", noted), hint: "a head is the 64 hexadecimal digits that `firebreak audit head` prints"}
			}
			run := ""
			if len(got) > 0 {
				run = got[0]
			}
			return a.withReader(c.Context(), func(r *sqlite.Reader) error {
				found, err := r.Verify(c.Context(), run, noted)
				return a.audited(found, err)
			})
		},
	}, exitNotFound, exitState, exitAudit)
	verify.Flags().StringVar(&noted, "head", "", "a `HASH` that head printed before")
	c.AddCommand(head, verify)
	return c
}

// headForm is what `audit head` prints.
var headForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// withReader does something with the state file that changes nothing of it.
func (a *app) withReader(ctx context.Context, do func(*sqlite.Reader) error) (err error) {
	state, err := a.statePath()
	if err != nil {
		return err
	}
	r, err := sqlite.Read(ctx, state)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return do(r)
}

func (a *app) auditHead(ctx context.Context, r *sqlite.Reader) error {
	head, links, err := r.Head(ctx)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.printJSON(map[string]any{"type": "audit_head", "head": head, "transactions": links})
	}
	a.printf("%s  after %d transactions\n", head, links)
	return nil
}

// audited tells what verifying has found; err is why it could not look
// everywhere.
func (a *app) audited(found sqlite.Audit, err error) error {
	for _, p := range found.Problems {
		if !a.flags.json {
			a.printf("%s\n", chatops.Plain(p.Text))
		} else if err := a.printJSON(map[string]any{
			"type": "audit_problem", "what": p.What, "run": p.Run, "seq": p.Seq, "text": p.Text,
		}); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	bad := len(found.Problems)
	if a.flags.json {
		err = a.printJSON(map[string]any{
			"type": "audited", "head": found.Head, "transactions": found.Links,
			"runs": found.Runs, "pruned": found.Pruned, "records": found.Records, "problems": bad,
		})
	} else {
		a.printf("%d records of %d runs, %d of them pruned; %d transactions; %d problems\nhead %s\n",
			found.Records, found.Runs, found.Pruned, found.Links, bad, found.Head)
	}
	if err == nil && bad > 0 {
		err = ended{exitAudit}
	}
	return err
}
