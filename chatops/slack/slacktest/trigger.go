package slacktest

import (
	"fmt"
	"time"
)

// How long and how often what comes with an interaction is good.
const (
	triggerLife   = 3 * time.Second
	responseLife  = 30 * time.Minute
	responseUses  = 5
	answerWithin  = 3 * time.Second
	maxSocketSize = 20 << 10
)

type trigger struct {
	user string
	made time.Time
	used bool
}

// newTrigger makes a trigger_id. The lock is held.
func (s *Server) newTrigger(user string) string {
	id := fmt.Sprintf("%d.%d.%s", s.clock.Now().UnixMilli(), 738474920, random(16))
	s.triggers[id] = &trigger{user: user, made: s.clock.Now()}
	return id
}

// pull uses a trigger up, and says whose it was.
func (c *call) pull() (string, *refusal) {
	t := c.triggers[c.args["trigger_id"]]
	switch {
	case t == nil:
		return "", refuse("invalid_trigger_id")
	case t.used:
		return "", refuse("exchanged_trigger_id")
	case c.clock.Now().Sub(t.made) > triggerLife:
		return "", refuse("expired_trigger_id")
	}
	t.used = true
	return t.user, nil
}
