package host

import "github.com/firebreak-ops/firebreak/plugins"

// masked hides secrets in what it passes on.
type masked struct {
	to    plugins.Stream
	masks *masks
}

func (m masked) Progress(done, total int, text string) {
	m.to.Progress(done, total, m.masks.text(text))
}
func (m masked) Log(level, text string) { m.to.Log(level, m.masks.text(text)) }

// silence takes reports for which nobody asked.
type silence struct{}

func (silence) Progress(int, int, string) {}
func (silence) Log(string, string)        {}
