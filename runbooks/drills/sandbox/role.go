package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/firebreak-ops/firebreak/runbooks/drills/practice"
)

// Roles of the child processes that a sandbox starts from its own executable.
const (
	roleHost    = "host"
	roleReplica = "replica"
	roleLoad    = "load"
	roleMonitor = "monitor"
)

// RunRole is what the executable does when a sandbox starts it as a child:
// Options.Command followed by the role. It reads its options as one JSON value
// from stdin, runs until ctx ends or stdin is closed, and returns nil then.
// It blocks. Cancel ctx on SIGTERM; leave SIGINT alone.
func RunRole(ctx context.Context, role string, stdin io.Reader, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	input := json.NewDecoder(stdin)
	run := map[string]func() error{
		roleHost: func() error {
			return runWith(cancel, input, func(opts hostOptions) error { return runHost(ctx, opts, stdout, stderr) })
		},
		roleReplica: func() error {
			return runWith(cancel, input, func(opts practice.ReplicaOptions) error {
				ln, err := inheritedListener()
				if err != nil {
					return err
				}
				return practice.RunReplica(ctx, opts, ln, stderr)
			})
		},
		roleLoad: func() error {
			return runWith(cancel, input, func(opts practice.LoadOptions) error { return practice.RunLoad(ctx, opts, stdout) })
		},
		roleMonitor: func() error {
			return runWith(cancel, input, func(opts monitorOptions) error { return runMonitor(ctx, opts, stdout, stderr) })
		},
	}[role]
	if run == nil {
		return fmt.Errorf("practice: no role %q: this verb is for firebreak's own drills, run `firebreak drill`", role)
	}
	return run()
}

func runWith[T any](cancel func(), input *json.Decoder, run func(T) error) error {
	var opts T
	if err := input.Decode(&opts); err != nil {
		return fmt.Errorf("practice: read the options on standard input: %w", err)
	}
	go func() {
		defer cancel() // whoever started us is gone
		var more json.RawMessage
		for input.Decode(&more) == nil {
		}
	}()
	return run(opts)
}

// listenerFD is where the supervisor puts a replica's listening socket, which
// outlives the replica: clients of a restarting one wait, they are not refused.
const listenerFD = 3

func inheritedListener() (net.Listener, error) {
	file := os.NewFile(listenerFD, "listener")
	if file == nil {
		return nil, fmt.Errorf("practice replica: no listening socket at descriptor %d", listenerFD)
	}
	defer file.Close()
	ln, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("practice replica: take over the listening socket: %w", err)
	}
	return ln, nil
}
