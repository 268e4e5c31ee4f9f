package plugintest

import (
	"bufio"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// orphan: a plugin whose host is gone, and with it the other end of its
// standard input, ends by itself.
func (s *suite) orphan(t *testing.T) {
	path, args := s.spec.Path, s.spec.Args
	if s.spec.Builtin {
		path = "/proc/self/exe"
		if args == nil {
			args = []string{"plugin", s.spec.Name}
		}
	}
	handshake := plugins.Handshake()
	cmd := exec.Command(path, args...)
	cmd.Env = []string{handshake.MagicCookieKey + "=" + handshake.MagicCookieValue, "PLUGIN_PROTOCOL_VERSIONS=1"}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var killed atomic.Bool
	late := time.AfterFunc(patience, func() { killed.Store(cmd.Process.Kill() == nil) })
	_, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Errorf("it printed no handshake: %v", err)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // how it ends is its own affair
	if late.Stop(); killed.Load() {
		t.Error("it went on without its host")
	}
}
