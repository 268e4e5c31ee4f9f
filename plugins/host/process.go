package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/firebreak-ops/firebreak/plugins"
	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

const (
	pingEvery   = 10 * time.Second
	pingTimeout = 5 * time.Second
	maxMisses   = 3               // pings; then the process counts as hung
	politeness  = 3 * time.Second // from the request to end until the kill
	lastGasp    = time.Second     // from a broken connection until the process is seen to be gone
)

// process is one running process of a plugin, described and accepted.
type process struct {
	name        string
	checksum    string
	pid         string
	description plugins.Description
	actions     map[string]*action
	config      map[string]*schema // of a section, by capability
	conn        *grpc.ClientConn
	rpc         pb.PluginClient
	gone        <-chan struct{} // closed once it is gone
	why         func() error    // it is gone; call after gone
	kill        func()          // at once
	end         func()          // politely; returns once it is gone
	leave       func()          // ends its standard input
	closing     atomic.Bool     // its connection is, whatever its calls are told

	mu    sync.Mutex
	bound map[BindingKey]*opening
}

// served is name@version+checksum, as events say it.
func (p *process) served() string {
	return fmt.Sprintf("%s@%s+sha256:%.16s", p.name, p.description.Version, p.checksum)
}

func (p *process) isGone() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

// obituary is why the process is gone. It waits a moment for a process whose
// connection just broke, and is nil when that process lives on.
func (p *process) obituary() error {
	select {
	case <-p.gone:
		return p.why()
	case <-time.After(lastGasp):
		return nil
	}
}

// watch kills a process that is there but no longer answers, after telling.
func (p *process) watch(ctx context.Context, every, timeout time.Duration, tell func()) {
	health := healthpb.NewHealthClient(p.conn)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for misses := 0; ; {
		select {
		case <-p.gone:
			return
		case <-ticker.C:
		}
		pinging, cancel := context.WithTimeout(ctx, timeout)
		_, err := health.Check(pinging, &healthpb.HealthCheckRequest{Service: plugin.GRPCServiceName})
		cancel()
		if err == nil {
			misses = 0
			continue
		}
		if misses++; misses == maxMisses {
			tell()
			p.kill()
			return
		}
	}
}

// ending makes the words for a process that ended.
func ending(c *child, outputs ...*output) func() error {
	return func() error {
		text := "it ended"
		if c.exit != nil {
			text = c.exit.Error()
		}
		for _, o := range outputs {
			if words := o.lastWords(); words != "" {
				return errors.New(text + "; its last words: " + words)
			}
		}
		return errors.New(text)
	}
}
