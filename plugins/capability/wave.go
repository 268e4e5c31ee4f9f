package capability

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

const wavePattern = `^(100|[1-9][0-9]?)%$`

var waveShare = regexp.MustCompile(wavePattern)

// Wave is the cumulative size of a restart's wave: a count of replicas, or a
// share of them such as "25%".
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
