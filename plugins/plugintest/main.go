package plugintest

import (
	"os"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// Main is the TestMain of a plugin's package. Started by a host, the test
// binary serves p; otherwise it runs the tests.
func Main(m *testing.M, p plugins.Plugin) {
	handshake := plugins.Handshake()
	if os.Getenv(handshake.MagicCookieKey) == handshake.MagicCookieValue {
		plugins.Serve(p)
		return
	}
	m.Run() // the testing package exits with its result when TestMain returns
}

// Self is the plugin of this name in this test binary, whose TestMain is
// [Main].
func Self(name string) host.Spec { return host.Spec{Name: name, Builtin: true} }
