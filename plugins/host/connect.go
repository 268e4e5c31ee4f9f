package host

import (
	"context"
	"fmt"
	"net"
	"sync"

	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

// Connect starts one process of a plugin, unsupervised and with nothing
// bound, and gives its bare contract: for conformance tests and for
// measuring. Of config it takes the contracts and the log. The caller calls
// end, which returns once the process is gone; twice is as good as once.
func Connect(ctx context.Context, spec Spec, config Config) (client pb.PluginClient, end func(), err error) {
	p, end, err := alone(ctx, spec, config, nil)
	if err != nil {
		return nil, nil, err
	}
	return p.rpc, end, nil
}

// Orphan starts one process of a plugin and leaves it as a host does that is
// gone where the kernel does not help: its standard input ends, and nothing
// else is said. It returns once the process has ended. The error is that it
// did not until ctx ended, when it is killed.
func Orphan(ctx context.Context, spec Spec, config Config) error {
	p, end, err := alone(ctx, spec, config, nil)
	if err != nil {
		return err
	}
	defer end()
	p.leave()
	select {
	case <-p.gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("plugin %s went on without its host: it is to end when its standard input does", spec.Name)
	}
}

// alone is a process that nobody supervises, and how to end it. While its
// socket can still be found it is visited, unless visit is nil.
func alone(ctx context.Context, spec Spec, config Config, visit func(net.Addr)) (*process, func(), error) {
	if err := spec.check(); err != nil {
		return nil, nil, err
	}
	contracts, err := config.contracts()
	if err != nil {
		return nil, nil, err
	}
	l := &launcher{thread: newThread(), masks: &masks{}, log: config.logger(), contracts: contracts, selfSum: hashSelf, visit: visit}
	p, err := l.launch(ctx, spec)
	if err != nil {
		l.thread.close()
		return nil, nil, err
	}
	return p, sync.OnceFunc(func() { p.end(); l.thread.close() }), nil
}
