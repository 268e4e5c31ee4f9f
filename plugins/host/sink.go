package host

import (
	"slices"

	"github.com/firebreak-ops/firebreak/plugins"
)

// masked hides secrets in what it passes on, and cuts it to what people read.
type masked struct {
	to    plugins.Stream
	masks *masks
}

func (m masked) Progress(done, total int, text string) {
	m.to.Progress(done, total, m.masks.say(text))
}

func (m masked) Log(level, text string) {
	if !slices.Contains(levels, level) {
		level = "info"
	}
	m.to.Log(level, m.masks.say(text))
}

var levels = []string{"debug", "info", "warn", "error"}

// silence takes reports for which nobody asked.
type silence struct{}

func (silence) Progress(int, int, string) {}
func (silence) Log(string, string)        {}
