package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"golang.org/x/term"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// app is what a command may use of the world around it. Tests give their own.
type app struct {
	in    io.Reader
	out   io.Writer
	err   io.Writer
	env   func(string) string
	tty   bool // out and in are a terminal
	color bool
	width int

	// journal puts a test between the runtime and its journal; nil: nothing.
	journal func(local.Journal) local.Journal

	// observer is told what an owner does; nil: nobody is.
	observer *observer

	flags global
}

// global are the flags of every command.
type global struct {
	config   string
	state    string
	runbooks []string
	json     bool
	server   string
	serverCA string
	token    string
}

// system is the app of a real process.
func system() *app {
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv}
	out := int(os.Stdout.Fd())
	a.tty = term.IsTerminal(out) && term.IsTerminal(int(os.Stdin.Fd()))
	a.color = term.IsTerminal(out) && os.Getenv("NO_COLOR") == ""
	if w, _, err := term.GetSize(out); err == nil {
		a.width = w
	}
	return a
}

// printJSON writes one value as one line. Every line has a "type"; readers
// ignore types and fields that they do not know.
func (a *app) printJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err = fmt.Fprintf(a.out, "%s\n", b)
	return err
}

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.out, format, args...) }

// version is what the linker was told, or what the build says of itself.
var version = ""

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}
