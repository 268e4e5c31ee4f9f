package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/client"
)

// exitCode is what a command tells a script. The table below is the only
// place where codes are given; the help is made from it. Codes never change
// their meaning; new ones may be added.
type exitCode int

const (
	exitOK             exitCode = 0
	exitError          exitCode = 1
	exitUsage          exitCode = 2
	exitProblems       exitCode = 3
	exitRefused        exitCode = 4
	exitFailedClean    exitCode = 5
	exitFailedDirty    exitCode = 6
	exitCancelledClean exitCode = 7
	exitCancelledDirty exitCode = 8
	exitParked         exitCode = 9
	exitNotFound       exitCode = 10
	exitState          exitCode = 11
	exitDrill          exitCode = 12
	exitHandedOver     exitCode = 13
	exitAudit          exitCode = 14
	exitTests          exitCode = 15
	exitTrouble        exitCode = 16
)

// exitCodes is the table of exit codes.
var exitCodes = []struct {
	code    exitCode
	name    string
	meaning string
}{
	{exitOK, "ok", "it worked; of a run: succeeded, no_action or undone; also after SIGTERM or SIGHUP, which park a run"},
	{exitError, "error", "it did not work for another reason; the message says which"},
	{exitUsage, "usage", "the command line is wrong; nothing was done"},
	{exitProblems, "problems", "a runbook or firebreak.yaml has problems, each with file:line:col; nothing was done"},
	{exitRefused, "refused", "a rule or a person said no, and nothing unverified stays changed; or what you asked for was refused"},
	{exitFailedClean, "failed_clean", "the run failed, and nothing unverified stays changed"},
	{exitFailedDirty, "failed_dirty", "the run failed, and something stays changed: look at it now"},
	{exitCancelledClean, "cancelled_clean", "the run was cancelled, and nothing unverified stays changed"},
	{exitCancelledDirty, "cancelled_dirty", "the run was cancelled, and something stays changed: look at it now"},
	{exitParked, "parked", "the run has not ended; it waits, and goes on with `firebreak resume`"},
	{exitNotFound, "not_found", "there is no such run, step, question, runbook or service"},
	{exitState, "state", "the state file cannot be used: another owner, no permission, no space, damaged"},
	{exitDrill, "drill", "the drill was not passed"},
	{exitHandedOver, "handed_over", "a person took the run over and ended it: what is changed is theirs"},
	{exitAudit, "audit", "the state file can be read, but is not as it was written"},
	{exitTests, "tests", "a case of a test failed, or too little is covered"},
	{exitTrouble, "trouble", "a diagnosis was made, and there is trouble: what is said says which"},
}

// exitHelp is the table as text, for the codes given or for all.
func exitHelp(codes ...exitCode) string {
	var b strings.Builder
	for _, row := range exitCodes {
		for _, c := range codes {
			if c == row.code {
				fmt.Fprintf(&b, "  %2d  %-15s %s\n", row.code, row.name, row.meaning)
			}
		}
		if len(codes) == 0 {
			fmt.Fprintf(&b, "  %2d  %-15s %s\n", row.code, row.name, row.meaning)
		}
	}
	return b.String()
}

func (c exitCode) String() string {
	for _, row := range exitCodes {
		if row.code == c {
			return row.name
		}
	}
	return fmt.Sprintf("exit %d", int(c))
}

// wordCode is the exit code of a run that has ended.
func wordCode(w engine.Word) exitCode {
	switch w {
	case engine.Succeeded, engine.NoAction, engine.Undone:
		return exitOK
	case engine.Refused:
		return exitRefused
	case engine.FailedClean:
		return exitFailedClean
	case engine.FailedDirty:
		return exitFailedDirty
	case engine.CancelledClean:
		return exitCancelledClean
	case engine.CancelledDirty:
		return exitCancelledDirty
	case engine.HandedOver:
		return exitHandedOver
	default:
		return exitParked
	}
}

// codedError is an error that carries its exit code, and what to do next.
type codedError struct {
	code exitCode
	err  error
	hint string
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// Class is how the error's code travels from the owner to a client.
func (e *codedError) Class() string { return codeClasses[e.code] }

// Hint is what to do next.
func (e *codedError) Hint() string { return e.hint }

// fail makes an error with an exit code; hint may be empty.
func fail(code exitCode, hint, format string, args ...any) error {
	return &codedError{code: code, err: fmt.Errorf(format, args...), hint: hint}
}

// ended is the outcome of a command that has already said all there is to
// say: only its code is left.
type ended struct{ code exitCode }

func (e ended) Error() string { return e.code.String() }

// explain turns an error into its exit code, its text and its hint. It is the
// only place that does.
func explain(err error) (code exitCode, text, hint string) {
	var coded *codedError
	var done ended
	var refused *engine.Refusal
	var start *engine.StartError
	var told *server.Problem
	var silent *client.UnreachableError
	switch {
	case err == nil:
		return exitOK, "", ""
	case errors.As(err, &done):
		return done.code, "", ""
	case errors.As(err, &coded):
		return coded.code, err.Error(), coded.hint
	case errors.As(err, &refused):
		return exitRefused, err.Error(), ""
	case errors.As(err, &start):
		return exitUsage, err.Error(), ""
	case errors.As(err, &told):
		return classCode(told.Class), err.Error(), told.Hint
	case errors.As(err, &silent):
		return exitState, err.Error(), silent.Hint()
	case errors.Is(err, context.Canceled):
		return exitError, "interrupted", ""
	}
	var classed interface {
		Class() string
		Hint() string
	}
	if errors.As(err, &classed) {
		return classCode(classed.Class()), err.Error(), classed.Hint()
	}
	return exitError, err.Error(), ""
}

// codeClasses are the classes of errors that this command makes itself.
var codeClasses = map[exitCode]string{
	exitUsage: "invalid", exitProblems: "problems", exitRefused: "refused", exitNotFound: "not_found", exitState: "state",
}

// classCode is the exit code of an error's class, as the runtime and the
// server name them.
func classCode(class string) exitCode {
	switch class {
	case "not_found":
		return exitNotFound
	case "invalid", "too_large":
		return exitUsage
	case "refused", "stale", "unproven":
		return exitRefused
	case "problems":
		return exitProblems
	case "journal", "closed", "owned", "state", "unreadable":
		return exitState
	default:
		return exitError
	}
}
