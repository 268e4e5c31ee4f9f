package main

import (
	"context"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine/service"
	"github.com/firebreak-ops/firebreak/runbooks"
	"github.com/firebreak-ops/firebreak/runbooks/drills"
	"github.com/firebreak-ops/firebreak/server"
)

func newCompletion(a *app) *cobra.Command {
	return withExits(&cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Write the completion for a shell",
		Long: `completion writes a script by which a shell completes commands and flags, and what
they take: names of runbooks and their inputs, services, people, runs, and the
steps and questions of a run. It only looks, and what cannot be looked at is not
completed.`,
		Example: `  source <(firebreak completion bash)
  firebreak completion zsh >"${fpath[1]}/_firebreak"
  firebreak completion fish >~/.config/fish/completions/firebreak.fish`,
		Args: args(1, 1, "a shell"),
		RunE: func(c *cobra.Command, got []string) error {
			root := c.Root()
			switch got[0] {
			case "bash":
				return root.GenBashCompletionV2(a.out, true)
			case "zsh":
				return root.GenZshCompletion(a.out)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.out)
			default:
				return fail(exitUsage, "it knows bash, zsh, fish and powershell", "there is no completion for %s", got[0])
			}
		},
	})
}

// completer lists what a word of a command line may be. got are the arguments
// before it, and typed is its beginning.
type completer func(ctx context.Context, got []string, typed string) []string

// complete gives every command its completions: what an argument may be is told
// by its name in the usage, and a choice by its alternatives.
func (a *app) complete(root *cobra.Command) {
	quiet := *a
	quiet.err = io.Discard // a shell shows nothing but completions
	q := &quiet
	byName := map[string]completer{
		"RUNBOOK": q.runbookNames, "SERVICE": q.serviceNames, "PERSON": q.personNames,
		"RUN": q.runIDs, "STEP": q.stepNames, "CHOICE": q.choices, "PAGE": pageNames,
	}
	byFlag := map[string]completer{
		"input": q.inputs, "service": q.serviceNames, "step": q.stepNames, "from": q.stepNames,
		"explain": func(context.Context, []string, string) []string { return problemIDs() },
	}
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		words := strings.Fields(c.Use)[1:]
		if c.Name() == "drill" {
			words[0] = "DRILL"
			byName["DRILL"] = func(context.Context, []string, string) []string { return drills.Names() }
		}
		if !slices.ContainsFunc(words, isFile) {
			c.ValidArgsFunction = func(c *cobra.Command, got []string, typed string) ([]string, cobra.ShellCompDirective) {
				q.flags = a.flags
				if len(got) >= len(words) {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
				word := strings.Trim(words[len(got)], "[].")
				if one := byName[word]; one != nil {
					return beginning(one(c.Context(), got, typed), typed), fileToo(word)
				}
				if strings.Contains(word, "|") {
					return beginning(strings.Split(word, "|"), typed), cobra.ShellCompDirectiveNoFileComp
				}
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
		}
		for name, one := range byFlag {
			if c.LocalNonPersistentFlags().Lookup(name) == nil {
				continue
			}
			// It fails only for a flag that does not exist, or has one already.
			_ = c.RegisterFlagCompletionFunc(name, func(c *cobra.Command, got []string, typed string) ([]string, cobra.ShellCompDirective) {
				q.flags = a.flags
				directive := cobra.ShellCompDirectiveNoFileComp
				if name == "input" && !strings.Contains(typed, "=") {
					directive |= cobra.ShellCompDirectiveNoSpace
				}
				return beginning(one(c.Context(), got, typed), typed), directive
			})
		}
		for _, child := range c.Commands() {
			visit(child)
		}
	}
	visit(root)
}

// isFile reports whether an argument is a file, which shells complete
// themselves.
func isFile(word string) bool {
	word = strings.Trim(word, "[].")
	return word == "FILE" || word == "PATH" || word == "NAME" || word == "flags"
}

// fileToo lets a shell complete files where a runbook may be one.
func fileToo(word string) cobra.ShellCompDirective {
	if word == "RUNBOOK" {
		return cobra.ShellCompDirectiveDefault
	}
	return cobra.ShellCompDirectiveNoFileComp
}

// beginning keeps what begins as the word that is typed.
func beginning(all []string, typed string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return !strings.HasPrefix(s, typed) })
}

func pageNames(context.Context, []string, string) []string {
	pages := docPages()
	names := make([]string, len(pages))
	for i, p := range pages {
		names[i] = p.name + "\t" + p.what
	}
	return names
}

// runbookNames are those in the folders, and those that are built in.
func (a *app) runbookNames(context.Context, []string, string) []string {
	set := map[string]bool{}
	for _, name := range runbooks.Names() {
		set[name] = true
	}
	dirs, _ := a.runbookDirs() // of none nothing is offered
	for _, dir := range dirs {
		files, _ := filepath.Glob(filepath.Join(dir, "*.yaml")) // it fails only for a bad pattern
		for _, file := range files {
			if name := strings.TrimSuffix(filepath.Base(file), ".yaml"); !strings.HasSuffix(name, "_test") {
				set[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// configured is the configuration; nil where there is none that can be read.
func (a *app) configured() *service.Config {
	path, src, err := a.readConfig()
	if err != nil {
		return nil
	}
	config, problems := service.Parse(path, src)
	if len(problems) > 0 {
		return nil
	}
	return config
}

func (a *app) serviceNames(context.Context, []string, string) []string {
	if config := a.configured(); config != nil {
		return slices.Sorted(maps.Keys(config.Services))
	}
	return nil
}

func (a *app) personNames(context.Context, []string, string) []string {
	if config := a.configured(); config != nil {
		return slices.Sorted(maps.Keys(config.People))
	}
	return nil
}

// inputs are the names of a runbook's inputs, and behind the = of one that is a
// service the services.
func (a *app) inputs(ctx context.Context, got []string, typed string) []string {
	if len(got) == 0 {
		return nil
	}
	catalog, err := actions()
	if err != nil {
		return nil
	}
	found, err := a.take(got[0], catalog)
	if err != nil {
		return nil
	}
	name, _, given := strings.Cut(typed, "=")
	var out []string
	for _, in := range found.book.Inputs {
		switch {
		case !given:
			out = append(out, in.Name+"=\t"+in.Doc)
		case in.Name == name && in.Service:
			for _, svc := range a.serviceNames(ctx, nil, "") {
				out = append(out, name+"="+svc)
			}
		}
	}
	return out
}

// maxRuns is how many runs are offered.
const maxRuns = 50

// runIDs are the runs, newest first.
func (a *app) runIDs(ctx context.Context, _ []string, _ string) []string {
	var out []string
	_ = a.withRuns(ctx, a.workspaceOrNone, func(s *session) error {
		found, err := s.Runs(ctx, server.Query{Limit: maxRuns})
		for _, r := range found {
			out = append(out, r.ID+"\t"+chatops.OneLine(strings.Join([]string{r.Runbook, r.Service, chatops.State(r)}, " ")))
		}
		return err
	})
	return out
}

// view is the run that the first argument names; nil: it cannot be looked at.
func (a *app) view(ctx context.Context, got []string) *server.View {
	var out *server.View
	if len(got) == 0 {
		return nil
	}
	_ = a.withRuns(ctx, a.workspaceOrNone, func(s *session) error {
		v, err := s.Run(ctx, got[0])
		if err == nil {
			out = &v
		}
		return err
	})
	return out
}

// stepNames are the steps of a run, those about which it asks first.
func (a *app) stepNames(ctx context.Context, got []string, _ string) []string {
	v := a.view(ctx, got)
	if v == nil {
		return nil
	}
	var out []string
	asked := map[string]bool{}
	for _, q := range v.Questions {
		if !asked[q.Path] {
			asked[q.Path] = true
			out = append(out, q.Path+"\t"+chatops.OneLine(q.Text))
		}
	}
	for _, s := range v.Steps {
		if !asked[s.Path] {
			out = append(out, s.Path+"\t"+string(s.Status))
		}
	}
	return out
}

// choices are what may be answered to what a run asks about a step.
func (a *app) choices(ctx context.Context, got []string, _ string) []string {
	v := a.view(ctx, got)
	if v == nil || len(got) < 2 {
		return nil
	}
	for _, q := range v.Questions {
		if q.Path == got[1] {
			return q.Choices
		}
	}
	return nil
}
