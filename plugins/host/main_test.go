package host

import (
	"crypto/tls"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/go-plugin"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/firebreak-ops/firebreak/plugins"
)

// TestMain is also the main of the plugins that the tests start: the test
// binary executes itself, as firebreak does.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "plugin" {
		serveTestPlugin(os.Args[2:])
		return
	}
	if len(os.Args) > 2 && os.Args[1] == "host" {
		serveTestHost(os.Args[2])
		return
	}
	goleak.VerifyTestMain(m)
}

// serveTestPlugin is every kind of plugin that a host may meet.
func serveTestPlugin(args []string) {
	switch args[0] {
	case "garbage":
		_, _ = os.Stdout.WriteString("hello, world\n")
		untilEOF()
	case "tcp": // where anybody could knock
		_, _ = os.Stdout.WriteString("1|1|tcp|127.0.0.1:9|grpc|\n")
		untilEOF()
	case "flood": // and never a line
		piece := []byte(strings.Repeat("x", mebibyte))
		for range 100 {
			_, _ = os.Stdout.Write(piece)
		}
		untilEOF()
	case "mute":
		untilEOF()
	case "stillborn":
		_, _ = os.Stderr.WriteString("panic: no luck today\n")
		os.Exit(3)
	case "moody": // it needs a file
		if _, err := os.Stat(args[1]); err != nil {
			_, _ = os.Stderr.WriteString("panic: " + err.Error() + "\n")
			os.Exit(3)
		}
		plugins.Serve(demo{name: args[0]})
	case "newer", "netrpc", "own-tls":
		serveOddly(args[0])
	case "plain":
		_ = os.Unsetenv("PLUGIN_CLIENT_CERT")
		plugins.Serve(demo{name: args[0]})
	case "rude":
		serveRudely()
	case "pipe-only": // the kernel does not end it with its host
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0); err != nil {
			panic(err)
		}
		plugins.Serve(demo{name: args[0]})
	case "kernel-only": // it does not watch its standard input
		endless, held, err := os.Pipe()
		if err != nil {
			panic(err)
		}
		defer func() { _ = held.Close() }() // at the end of the process
		os.Stdin = endless
		plugins.Serve(demo{name: args[0]})
	default:
		plugins.Serve(demo{name: args[0]})
	}
}

func untilEOF() { _, _ = os.Stdin.Read(make([]byte, 1)) }

// serveOddly serves what was built for another version, speaks another
// protocol, or shows another certificate than it says.
func serveOddly(how string) {
	config := plugin.ServeConfig{
		HandshakeConfig: plugins.Handshake(),
		Plugins:         plugin.PluginSet{plugins.Name: &rude{}},
		GRPCServer:      plugin.DefaultGRPCServer,
	}
	switch how {
	case "newer":
		config.ProtocolVersion++
	case "netrpc":
		config.GRPCServer = nil
	case "own-tls":
		config.TLSProvider = func() (*tls.Config, error) {
			server := httptest.NewTLSServer(nil)
			defer server.Close()
			return &tls.Config{Certificates: server.TLS.Certificates, MinVersion: tls.VersionTLS12}, nil
		}
	}
	plugin.Serve(&config)
}
