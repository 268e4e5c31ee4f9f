package host

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/firebreak-ops/firebreak/plugins"
)

// TestMain is also the main of the plugins that the tests start: the test
// binary executes itself, as firebreak does.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "plugin" {
		serveTestPlugin(os.Args[2:])
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "host" {
		serveTestHost()
		return
	}
	goleak.VerifyTestMain(m)
}

func serveTestPlugin(args []string) {
	switch args[0] {
	case "garbage":
		_, _ = os.Stdout.WriteString("hello, world\n")
		_, _ = os.Stdin.Read(make([]byte, 1))
	case "mute":
		_, _ = os.Stdin.Read(make([]byte, 1))
	case "stillborn":
		_, _ = os.Stderr.WriteString("panic: no luck today\n")
		os.Exit(3)
	default:
		plugins.Serve(demo{name: args[0]})
	}
}
