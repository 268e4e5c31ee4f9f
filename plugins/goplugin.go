package plugins

import (
	"context"
	"errors"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

// served is a plugin's server in the form that go-plugin asks for.
type served struct {
	plugin.NetRPCUnsupportedPlugin
	server *server
}

var _ plugin.GRPCPlugin = (*served)(nil)

func (s *served) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	pb.RegisterPluginServer(g, s.server)
	return nil
}

func (s *served) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is the plugin's side; hosts use plugins/host")
}
