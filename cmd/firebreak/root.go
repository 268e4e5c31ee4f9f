package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, a *app, args []string) exitCode {
	out := &output{to: a.out}
	a.out = out
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	code, text, hint := explain(err)
	if usage, ok := errors.AsType[*usageError](err); ok {
		code, hint = exitUsage, usage.hint
	}
	if lost := out.failed(); lost != nil && (code == exitOK || text != "" && errors.Is(err, lost)) {
		code, text, hint = exitError, "what it says cannot be written: "+lost.Error(), "the disk is full; what the command does is done"
		if errors.Is(lost, syscall.EPIPE) {
			text = "" // who reads has seen enough: head, a pager that was left
		}
	}
	if text == "" {
		return code
	}
	if a.flags.json && out.failed() == nil {
		_ = a.printJSON(map[string]any{"type": "error", "code": int(code), "name": code.String(), "error": text, "hint": hint})
		return code
	}
	fmt.Fprintf(a.err, "firebreak: %s\n", text)
	if hint != "" {
		fmt.Fprintf(a.err, "  %s\n", hint)
	}
	return code
}

// usageError is a command line that cannot be understood.
type usageError struct {
	err  error
	hint string
}

func (e *usageError) Error() string { return e.err.Error() }

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "firebreak",
		Short: "Run runbooks: diagnose, ask, repair, verify, put back",
		Long: `firebreak runs written runbooks against real systems. It looks at every layer
at once, names the cause with its evidence, shows the exact change that it
wants to make, acts the moment the answer is yes, verifies, and puts back what
made things worse.`,
		Example: `  firebreak drill inc-2024-0715            # practise on a real outage, here, now
  firebreak run connection-exhaustion --input service=api
  firebreak approve RUN                    # from any other terminal`,
		Version:       versionLine(),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.Args = func(c *cobra.Command, got []string) error {
		if len(got) == 0 {
			return nil
		}
		hint := "`firebreak --help` lists the commands"
		if near := c.SuggestionsFor(got[0]); len(near) > 0 {
			hint = "did you mean " + strings.Join(near, " or ") + "?"
		}
		return &usageError{err: fmt.Errorf("unknown command %q", got[0]), hint: hint}
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetHelpCommand(newHelp())
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.DisableDefaultCmd = true // there is one of our own
	f := root.PersistentFlags()
	f.StringVarP(&a.flags.config, "config", "c", "", "firebreak.yaml to use (default: $FIREBREAK_CONFIG, ./firebreak.yaml, /etc/firebreak/firebreak.yaml)")
	f.StringVar(&a.flags.state, "state", "", "state file (default: $FIREBREAK_STATE, else state.db in firebreak's folder of $XDG_STATE_HOME or ~/.local/state)")
	f.StringArrayVar(&a.flags.runbooks, "runbooks", nil, "folder with runbooks, besides those that are built in; may be repeated (default: $FIREBREAK_RUNBOOKS, ./runbooks)")
	f.BoolVar(&a.flags.json, "json", false, "write one JSON value a line instead of text")
	f.StringVar(&a.flags.server, "server", "", "`URL` of a firebreak serve on another machine, which does it instead of the state here (default: $FIREBREAK_SERVER)")
	f.StringVar(&a.flags.serverCA, "server-ca", "", "`FILE` of the certificates to trust there (default: $FIREBREAK_SERVER_CA, else those that the system trusts)")
	f.StringVar(&a.flags.token, "token", "", "where the token for it is: env:NAME or file:/path (default: env:FIREBREAK_TOKEN)")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
			err = fmt.Errorf("--%s is %q, which is not %s", bad.GetFlag().Name, bad.GetValue(), valueOf(bad.GetFlag()))
		}
		return &usageError{err: err, hint: fmt.Sprintf("`%s --help` shows its flags", c.CommandPath())}
	})
	root.AddCommand(
		newInit(a), newRun(a), newCheck(a), newTest(a), newRecord(a), newPlan(a), newDiagnose(a), newDrill(a), newRuns(a),
		newApprove(a), newDeny(a), newWithdraw(a), newHand(a), newExtend(a), newProvide(a), newResolve(a),
		newCancel(a), newSkip(a), newUndo(a), newRetry(a), newResume(a),
		newServe(a), newReload(a), newTokens(a), newAlerts(a), newPages(a), newApprovals(a), newRunbooks(a), newChanges(a), newSlack(a),
		newTakeOver(a), newHandBack(a), newBreakLock(a), newHalt(a), newHold(a), newPolicy(a),
		newAudit(a), newPrune(a), newBackup(a), newRestore(a),
		newPlugins(a), newSchema(a), newDocs(a), newCompletion(a), newVersion(a),
		newPlugin(a), newAttend(a), newPractice(a),
		newExitCodes(),
	)
	a.complete(root)
	return root
}

// newHelp shows the help of a command; of one that there is none of it says so.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:    "help [COMMAND]",
		Hidden: true, // every command has --help
		RunE: func(c *cobra.Command, names []string) error {
			about, rest, err := c.Root().Find(names)
			if err == nil && len(rest) > 0 {
				err = about.ValidateArgs(rest)
			}
			if err != nil {
				return err
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// oneOf refuses flags that say different things.
func oneOf(c *cobra.Command, names ...string) error {
	var given []string
	for _, name := range names {
		if c.Flags().Changed(name) {
			given = append(given, "--"+name)
		}
	}
	if len(given) < 2 {
		return nil
	}
	return &usageError{err: fmt.Errorf("%s do not go together", strings.Join(given, " and ")), hint: "leave one of them out"}
}

// args checks the number of arguments and says what is expected.
func args(low, high int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, got []string) error {
		if len(got) > 0 && got[0] == "" {
			return &usageError{err: fmt.Errorf("%s takes %s, and the first argument is empty", c.CommandPath(), what), hint: "usage: " + c.UseLine()}
		}
		if len(got) >= low && (high < 0 || len(got) <= high) {
			return nil
		}
		given := fmt.Sprintf("%d arguments", len(got))
		if len(got) == 1 {
			given = strconv.Quote(got[0])
		}
		return &usageError{
			err:  fmt.Errorf("%s takes %s, not %s", c.CommandPath(), what, given),
			hint: "usage: " + c.UseLine(),
		}
	}
}

// valueOf says what a flag takes.
func valueOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int":
		return "a whole number"
	case "duration":
		return "a duration, such as 90s or 24h"
	case "bool":
		return "true or false"
	default:
		return "what it takes"
	}
}

// withExits puts the exit codes that a command may return into its help.
func withExits(c *cobra.Command, codes ...exitCode) *cobra.Command {
	c.Long = strings.TrimRight(c.Long, "\n") + "\n\nExit codes:\n" +
		exitHelp(append([]exitCode{exitOK}, append(codes, exitError, exitUsage)...)...)
	return c
}

// newExitCodes is the help topic with all exit codes.
func newExitCodes() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long:  "Exit codes, of all commands. A code never changes its meaning; new ones may be added.\n\n" + exitHelp(),
	}
}
