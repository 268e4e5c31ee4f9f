package host

import (
	"context"
	"sync"

	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

// Connect starts one process of a plugin, unsupervised and with nothing
// bound, and gives its bare contract: for conformance tests and for
// measuring. Of config it takes the contracts and the log. The caller calls
// end, which returns once the process is gone; twice is as good as once.
func Connect(ctx context.Context, spec Spec, config Config) (client pb.PluginClient, end func(), err error) {
	if err := spec.check(); err != nil {
		return nil, nil, err
	}
	contracts, err := config.contracts()
	if err != nil {
		return nil, nil, err
	}
	l := &launcher{thread: newThread(), masks: &masks{}, log: config.logger(), contracts: contracts, selfSum: hashSelf}
	p, err := l.launch(ctx, spec)
	if err != nil {
		l.thread.close()
		return nil, nil, err
	}
	return p.rpc, sync.OnceFunc(func() { p.end(); l.thread.close() }), nil
}
