package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/service"
)

// practised is the sandbox's configuration with the people of a firebreak.yaml,
// their roles and their chat, so that they are asked as in an outage.
func (a *app) practised(sandbox []byte, file string) ([]byte, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, &usageError{err: fmt.Errorf("the configuration whose people are asked: %w", err), hint: "as in --chat firebreak.yaml"}
	}
	config, problems := service.Parse(file, src)
	if len(problems) > 0 {
		return nil, problemsOf(a, a.err, problems)
	}
	if config.Chat == nil || config.Chat.Slack == nil {
		return nil, fail(exitProblems, "docs/slack.md says what to write under chat", "%s has no chat.slack in which people could be asked", file)
	}
	var theirs, out map[string]any
	if err := errors.Join(yaml.Unmarshal(src, &theirs), yaml.Unmarshal(sandbox, &out)); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	for _, key := range []string{"people", "roles", "chat"} {
		out[key] = theirs[key]
	}
	if chat, ok := theirs["chat"].(map[string]any); ok {
		if slack, ok := chat["slack"].(map[string]any); ok {
			delete(slack, "services") // there are none of theirs
		}
	}
	return yaml.Marshal(out)
}

// talk asks people in the chat of the drill's configuration, until hush; without
// one it does nothing.
func (d *drill) talk() error {
	d.s.own.keep(&kept{}) // nobody begins anything there
	bot, err := d.s.own.newChat()
	if bot == nil || err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bot.Run(ctx) }()
	d.hush = func() error {
		cancel()
		return <-done
	}
	return nil
}
