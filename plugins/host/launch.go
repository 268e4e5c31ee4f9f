package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/firebreak-ops/firebreak/plugins"
	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

const (
	startTimeout    = 30 * time.Second
	describeTimeout = 10 * time.Second
	maxReply        = 64 << 20 // bytes of one message from a plugin
	maxTempDir      = 60       // bytes; the path of a socket has about 108
)

// launcher starts processes.
type launcher struct {
	thread    *thread
	masks     *masks
	log       *slog.Logger
	contracts map[string]plugins.Action
	selfSum   func() (string, error)
	visit     func(net.Addr) // before the socket is hidden; nil: nobody does
}

// launch starts the plugin and asks what it is. It blocks until the process
// is ready for calls; when ctx ends before, the process is killed.
func (l *launcher) launch(ctx context.Context, spec Spec) (*process, error) {
	exe, err := l.open(spec)
	if err != nil {
		return nil, err
	}
	defer exe.close()
	log := l.log.With("plugin", spec.Name)
	raw, printed := &output{log: log, masks: l.masks}, &output{log: log, masks: l.masks}
	c := newChild(exe, l.thread)
	stopKilling := context.AfterFunc(ctx, c.kill)
	defer stopKilling()

	var sockets string
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  plugins.Handshake(),
		Plugins:          plugin.PluginSet{plugins.Name: &dialed{}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     startTimeout,
		Logger:           hclog.NewNullLogger(),
		Stderr:           raw,
		SyncStdout:       printed,
		SyncStderr:       printed,
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReply)),
			grpc.WithIdleTimeout(0), // the socket's file is removed below: there is no connecting again
		},
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: tempDir()},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, dir string) (runner.Runner, error) {
			sockets = dir
			c.cmd.Env = append(environment(), cmd.Env...)
			return c, nil
		},
	})
	p := &process{
		name: spec.Name, checksum: exe.sum, gone: c.gone, why: ending(c, raw, printed),
		bound: map[BindingKey]*opening{},
		kill:  c.kill,
	}
	p.end = func() { p.closing.Store(true); end(client, c) }
	err = l.meet(ctx, client, p, spec)
	if err == nil && l.visit != nil {
		l.visit(client.ReattachConfig().Addr)
	}
	// Nobody connects again: a process that is killed leaves no file behind.
	_ = os.RemoveAll(sockets) // a leftover in the temporary directory harms nobody
	if err != nil {
		if c.ID() != "" && errors.Is(err, errStart) {
			if why := p.obituary(); why != nil {
				err = fmt.Errorf("%w (%w)", err, why)
			}
		}
		p.kill()
		p.end()
		return nil, fmt.Errorf("plugin %s: %w", spec.Name, err)
	}
	p.pid, p.leave = c.ID(), func() { closeAll(c.alive) }
	go p.watch(context.WithoutCancel(ctx), pingEvery, pingTimeout, func() { log.Error("it no longer answers and is killed", "pid", p.pid) })
	return p, nil
}

func (l *launcher) open(spec Spec) (executable, error) {
	if !spec.Builtin {
		return open(spec)
	}
	sum, err := l.selfSum()
	if err != nil {
		return executable{}, fmt.Errorf("plugin %s: hashing the running executable: %w", spec.Name, err)
	}
	return openSelf(spec, sum)
}

// errStart marks a process that did not come as far as its first answer.
var errStart = errors.New("it did not start as a plugin")

// meet connects to the process and fills in what it says of itself.
func (l *launcher) meet(ctx context.Context, client *plugin.Client, p *process, spec Spec) error {
	protocol, err := client.Client()
	if err != nil {
		return fmt.Errorf("%w: %w", errStart, err)
	}
	dispensed, err := protocol.Dispense(plugins.Name)
	if err != nil {
		return fmt.Errorf("%w: %w", errStart, err)
	}
	conn, ok := dispensed.(*grpc.ClientConn)
	if !ok {
		return fmt.Errorf("%w: go-plugin gave a %T for its connection", errStart, dispensed)
	}
	p.conn = conn
	p.rpc = pb.NewPluginClient(p.conn)
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	reply, err := p.rpc.Describe(ctx, &pb.DescribeRequest{})
	if status.Code(err) == codes.Unavailable {
		return fmt.Errorf("%w: describe: %w; a plugin serves with the certificate in its handshake, to the one in PLUGIN_CLIENT_CERT", errStart, err)
	}
	if err != nil {
		return fmt.Errorf("%w: describe: %w", errStart, err)
	}
	if p.description, err = descriptionFromProto(reply); err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	if p.actions, err = accept(spec, p.description, l.contracts); err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	if p.config, err = compileAll(p.description.Config); err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return nil
}

// end asks the process to end and kills it when it does not. It returns
// once the process is gone.
func end(client *plugin.Client, c *child) {
	impatient := time.AfterFunc(politeness, c.kill)
	defer impatient.Stop()
	client.Kill()
	if c.ID() != "" {
		c.kill() // go-plugin has given up on it by now, if it is there
		<-c.gone
	}
}

// tempDir is where the sockets are made: the usual place, unless its name is
// too long for a socket's path.
func tempDir() string {
	if dir := os.TempDir(); len(dir) <= maxTempDir {
		return dir
	}
	return "/tmp"
}

// dialed gives us the connection that go-plugin made.
type dialed struct{ plugin.NetRPCUnsupportedPlugin }

var _ plugin.GRPCPlugin = (*dialed)(nil)

func (*dialed) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("this is the host's side; plugins use plugins.Serve")
}

func (*dialed) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}
