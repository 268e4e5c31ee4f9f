package slack

import (
	"context"
	"sync"
	"time"
)

// addresses are the accounts of people who are known by their address alone, for
// calling them. Who has a say is not decided by it.
type addresses struct {
	bot *Bot

	mu       sync.Mutex
	accounts map[string]string // by name
}

// unknown is how long it takes until those who were not found are looked for
// again.
const unknown = 10 * time.Minute

// follow looks for them until ctx ends, one after the other; what is open is told
// anew when somebody was found.
func (a *addresses) follow(ctx context.Context) {
	for a.bot.cfg.Directory.ByEmail {
		found := false
		for _, p := range a.bot.cfg.Directory.People {
			if p.Email == "" || a.bot.account(p.Name) != "" {
				continue
			}
			user, err := a.bot.api.GetUserByEmailContext(ctx, p.Email)
			if err == nil && user.IsEmailConfirmed && !user.Deleted {
				a.mu.Lock()
				a.accounts[p.Name] = user.ID
				a.mu.Unlock()
				found = true
			}
			if _, after := faultOf(err); !sleep(ctx, max(after, a.bot.cfg.Pace)) {
				return
			}
		}
		if found {
			a.bot.unreached(ctx)
		}
		if !sleep(ctx, unknown) {
			return
		}
	}
}

// account is the account of a person; empty when it is not known.
func (b *Bot) account(name string) string {
	if id := b.cfg.Directory.Account(name); id != "" {
		return id
	}
	b.addresses.mu.Lock()
	defer b.addresses.mu.Unlock()
	return b.addresses.accounts[name]
}
