package capability

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/firebreak-ops/firebreak/plugins"
)

const wavePattern = `^(100|[1-9][0-9]?)%$`

var waveShare = regexp.MustCompile(wavePattern)

// Wave is the cumulative size of a wave of replicas that are changed or
// restarted: a count of them, or a share such as "25%".
type Wave struct {
	count   int
	percent int
}

// Count is the wave after which n replicas, at least 1, are done.
func Count(n int) Wave { return Wave{count: n} }

// Percent is the wave after which p percent, 1 to 100, are done.
func Percent(p int) Wave { return Wave{percent: p} }

// Of returns how many of total replicas are done after the wave: shares are
// rounded up, and it is never more than total.
func (w Wave) Of(total int) int {
	n := w.count
	if w.percent > 0 {
		n = (total*w.percent + 99) / 100
	}
	return min(n, total)
}

// Cut returns how many replicas each wave takes, of total replicas of which
// done have been done before. Waves that have none left are left out.
func Cut(waves []Wave, done, total int) []int {
	var sizes []int
	for _, w := range waves {
		if upTo := w.Of(total); upTo > done {
			sizes = append(sizes, upTo-done)
			done = upTo
		}
	}
	return sizes
}

// AllAtOnce refuses what takes n of total replicas at the same time where
// those are all that there are, more than one, and nobody has said why that is
// right. The error is a *plugins.Failure of class denied.
func AllAtOnce(n, total int, why string) error {
	if n < total || total < 2 || why != "" {
		return nil
	}
	return plugins.Fail(plugins.Denied, "that would take all %d replicas at once; give waves such as [1, 25%%, 100%%], or say in all_at_once why it must be", total)
}

// NoWaves refuses waves for settings that are in one place, such as one file.
// The error is a *plugins.Failure of class invalid.
func NoWaves(place string, waves []Wave) error {
	if len(waves) == 0 {
		return nil
	}
	return plugins.Fail(plugins.Invalid, "these settings are %s, which has no waves: leave waves out; where replicas read it as they start, workload.restart brings it to them wave after wave", place)
}

// String returns the wave as it is written in a runbook.
func (w Wave) String() string {
	if w.percent > 0 {
		return strconv.Itoa(w.percent) + "%"
	}
	return strconv.Itoa(w.count)
}

// MarshalJSON writes an integer, or text that ends in a percent sign.
func (w Wave) MarshalJSON() ([]byte, error) {
	if w.percent > 0 {
		return json.Marshal(w.String())
	}
	return json.Marshal(w.count)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (w *Wave) UnmarshalJSON(b []byte) error {
	var n int
	if json.Unmarshal(b, &n) == nil && n >= 1 {
		*w = Count(n)
		return nil
	}
	var text string
	if json.Unmarshal(b, &text) == nil && waveShare.MatchString(text) {
		p, err := strconv.Atoi(strings.TrimSuffix(text, "%"))
		*w = Percent(p)
		return err
	}
	return fmt.Errorf("%s is not a wave: want a count such as 1, or a share such as \"25%%\"", b)
}
