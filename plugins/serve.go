package plugins

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// Name is the one name under which a plugin process offers itself.
const Name = "firebreak"

// windingUp is how long calls that were cut may take to put in order what
// they began; a host that is there kills the process soon after.
const windingUp = 2 * time.Second

// maxMessage bounds a message to a plugin, in bytes.
const maxMessage = 16 << 20

// Handshake is what a host and a plugin show each other before the first
// call. Its version rises when the meaning of the contract changes.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  1,
		MagicCookieKey:   "FIREBREAK_PLUGIN",
		MagicCookieValue: "7f0d1c52-firebreak-plugin",
	}
}

// Serve offers p to the firebreak that started this process, and blocks
// until that host says goodbye or is gone: the host holds the other end of
// this process's standard input, so its end of file means that nobody is
// left to answer to. It then cuts the calls, waits a moment for them to end,
// closes what was bound and returns. It is the
// whole of a plugin's main. What the plugin prints goes to the host's log.
func Serve(p Plugin) {
	server := newServer(p)
	var once sync.Once
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: Handshake(),
		Plugins:         plugin.PluginSet{Name: &served{server: server}},
		Logger:          hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr, JSONFormat: true}),
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			g := grpc.NewServer(append(options, grpc.MaxRecvMsgSize(maxMessage))...)
			once.Do(func() { go stopAtEOF(os.Stdin, g) })
			return g
		},
	})
	server.close(windingUp)
}

// stopAtEOF ends g, cutting its calls, when in ends.
func stopAtEOF(in io.Reader, g *grpc.Server) {
	_, _ = io.Copy(io.Discard, in) // an unreadable pipe means the same as its end
	g.Stop()
}
