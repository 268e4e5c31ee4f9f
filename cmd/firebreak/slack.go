package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/chatops/slack"
	"github.com/firebreak-ops/firebreak/engine/service"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

func newSlack(a *app) *cobra.Command {
	c := withExits(&cobra.Command{
		Use:   "slack",
		Short: "Set up firebreak as an app in Slack",
		Long: `slack helps to set up firebreak as an app in a Slack workspace: manifest prints what
the app is made from, and doctor says what is still wrong. firebreak serve then tells
people there what runs do, and asks them.`,
		Example: `  firebreak slack manifest
  firebreak slack doctor`,
		Args: args(0, 0, "manifest or doctor"),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	})
	var at, command string
	var email bool
	manifest := withExits(&cobra.Command{
		Use:   "manifest",
		Short: "Print what the app is made from in Slack",
		Long: `manifest prints what to paste at api.slack.com/apps, Create New App, From a manifest:
YAML, or JSON with --json. It asks for the rights that firebreak uses and no others.
The app is for Socket Mode, which needs no public address, unless --url says where Slack
reaches firebreak serve. Other flags that are left out are as firebreak.yaml says.`,
		Example: `  firebreak slack manifest
  firebreak slack manifest --url https://firebreak.example.com`,
		Args: args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			app := slack.App{Command: command, Email: email}
			if config := a.configured(); config != nil && config.Chat != nil && config.Chat.Slack != nil {
				if s := config.Chat.Slack; !c.Flags().Changed("command") {
					app.Command = s.Command
				}
				app.Email = app.Email || config.Chat.Slack.Email
			}
			if at != "" {
				endpoint, err := slackEndpoint(at)
				if err != nil {
					return err
				}
				app.URL = endpoint
			}
			if !service.IsSlashCommand(app.Command) {
				return &usageError{err: fmt.Errorf("--command %.80q is no slash command", app.Command), hint: "write it as /runbook: a slash, and at most 31 of a-z 0-9 _ -"}
			}
			return a.printManifest(app)
		},
	})
	f := manifest.Flags()
	f.StringVar(&at, "url", "", "where Slack reaches firebreak serve: `https://HOST`; without it, firebreak goes to Slack (Socket Mode)")
	f.StringVar(&command, "command", service.SlackCommand, "the slash command")
	f.BoolVar(&email, "email", false, "also ask for the right to know people by their address (email: true in chat.slack)")
	doctor := withExits(&cobra.Command{
		Use:   "doctor",
		Short: "Say what is wrong between firebreak and Slack, and what to do",
		Long: `doctor asks Slack about all that chat.slack and people in firebreak.yaml name: tokens
and what they may do, channels, user groups, and people's accounts. It changes nothing
and writes to nobody.`,
		Example: "  firebreak slack doctor",
		Args:    args(0, 0, "no arguments"),
		RunE:    func(c *cobra.Command, _ []string) error { return a.slackDoctor(c.Context()) },
	}, exitProblems)
	c.AddCommand(manifest, doctor)
	return c
}

// slackEndpoint is where Slack sends everything, given where firebreak is.
func slackEndpoint(at string) (string, error) {
	u, err := url.Parse(at)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", &usageError{err: fmt.Errorf("--url %.80q is not where Slack can send anything", at), hint: "write it as https://firebreak.example.com: Slack sends over TLS only"}
	}
	return strings.TrimSuffix(u.String(), "/") + "/v1/slack", nil
}

func (a *app) printManifest(app slack.App) error {
	write := app.YAML
	if a.flags.json {
		write = app.JSON
	}
	b, err := write()
	if err != nil {
		return err
	}
	a.printf("%s\n", strings.TrimRight(string(b), "\n"))
	return nil
}

// slackLine is what doctor says of one thing.
type slackLine struct {
	Type  string `json:"type"`
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Text  string `json:"text"`
	Hint  string `json:"hint,omitempty"`
}

func (a *app) slackDoctor(ctx context.Context) error {
	ws, err := a.loadWorkspace(ctx)
	if err != nil {
		return err
	}
	if ws.config.Chat == nil || ws.config.Chat.Slack == nil {
		return fail(exitProblems, "docs/slack.md shows what to write there", "%w", errors.New("firebreak.yaml has no chat.slack"))
	}
	found := slack.Examine(ctx, ws.config, host.Secret)
	for _, f := range found {
		if err := a.printFinding(f); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(found, func(f slack.Finding) bool { return f.Fault != "" }) {
		return ended{exitProblems}
	}
	return nil
}

func (a *app) printFinding(f slack.Finding) error {
	if a.flags.json {
		return a.printJSON(slackLine{Type: "slack_check", Check: f.What, OK: f.Fault == "", Text: f.Well + f.Fault, Hint: f.Remedy})
	}
	if f.Fault == "" {
		a.printf("✓ %s: %s\n", f.What, f.Well)
		return nil
	}
	a.printf("✗ %s: %s\n    %s\n", f.What, f.Fault, f.Remedy)
	return nil
}
