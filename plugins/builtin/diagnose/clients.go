package diagnose

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
)

// holder is one program that holds slots of the server: a login and an
// application, with all its replicas.
type holder struct {
	user, application string
	count             float64
	frozen            float64 // of them that have done nothing for capability.FrozenAfter
}

func (h holder) String() string {
	if h.application == "" {
		return h.user
	}
	return fmt.Sprintf("%s (%s)", h.user, h.application)
}

// replicaSuffix is what tells replicas of one program apart: -0, .12,
// -7d9f8b6c5-x2x4z.
var replicaSuffix = regexp.MustCompile(`([-_.:/@\[ ]+[0-9a-z]*[0-9][0-9a-z]*\]?)+$`)

// program is an application's name without what tells its replicas apart.
func program(application string) string {
	return replicaSuffix.ReplaceAllString(strings.ToLower(application), "")
}

// watches are programs that look at the server, and are in nobody's way.
var watches = regexp.MustCompile(`(?i)exporter|monitor|prometheus`)

// holders returns who holds the server's slots, most first.
func (v *view) holders() []holder {
	if !v.database {
		return nil
	}
	var out []holder
	for _, c := range v.in.Database.Clients {
		app := program(c.Application)
		if watches.MatchString(app) || watches.MatchString(c.User) {
			continue
		}
		i := slices.IndexFunc(out, func(h holder) bool { return h.user == c.User && h.application == app })
		if i < 0 {
			out = append(out, holder{user: c.User, application: app})
			i = len(out) - 1
		}
		out[i].count += float64(c.Count)
		out[i].frozen += float64(c.Frozen)
	}
	slices.SortStableFunc(out, func(a, b holder) int { return cmp.Compare(b.count, a.count) })
	return out
}

// nameless says that whose sessions they are is not told, as older exporters do
// not.
func (v *view) nameless(holders []holder) bool {
	return v.databaseStandsIn && len(holders) > 0 && holders[0].user == "" && holders[0].application == ""
}

// strangers is how many sessions no pool of the service counts, where whose
// they are is not told.
func (v *view) strangers() float64 {
	if holders := v.holders(); v.pool && !v.pooler.present && v.nameless(holders) {
		return v.sessions - v.now.acquired - zeroIfNaN(v.idle) - v.opening
	}
	return 0
}

// service is which of the holders is the service whose pools are measured:
// the one with as many sessions as they have connections. Without figures of
// pools it is not known which, and the one with most stands for it.
func (v *view) service(holders []holder) holder {
	if len(holders) == 0 {
		return holder{}
	}
	want := v.now.acquired + zeroIfNaN(v.idle)
	if v.pooler.present && v.in.Pooler.Servers > 0 {
		want = float64(v.in.Pooler.Servers)
	}
	if !v.pool && !v.pooler.present || want == 0 {
		return holders[0]
	}
	return slices.MinFunc(holders, func(a, b holder) int {
		return cmp.Compare(math.Abs(a.count-want), math.Abs(b.count-want))
	})
}

// other is a program that is not the service and holds a good part of the
// slots; nil: there is none.
func (v *view) other() *holder {
	holders := v.holders()
	service := v.service(holders)
	used := float64(v.in.Database.Used)
	known := v.pool || v.pooler.present
	for _, h := range holders {
		if h.count < 0.3*used || h.count < 3 {
			continue
		}
		switch {
		case known && h != service:
			return &h
		case !known && len(holders) > 1 && h == holders[0] && holders[1].count >= math.Max(2, 0.05*used):
			// Two share the server, and it is not known which is the
			// service: the larger one is what is in the way of the other.
			return &h
		}
	}
	return nil
}
