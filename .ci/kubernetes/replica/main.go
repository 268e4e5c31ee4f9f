// Command replica is what runs in the real pods of tests, and all that their
// image holds. Without an argument it waits to be ended: a pod's sandbox. The
// argument serve has it read the settings, which it does not start with where
// they say mode bad, and say on a socket of its own that it is ready; ready
// asks that, as a probe.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

const socket = "/run/replica.sock"

func main() {
	var err error
	switch strings.Join(os.Args[1:], " ") {
	case "":
		err = wait(context.Background())
	case "serve":
		err = serve()
	case "ready":
		err = ready()
	default:
		err = fmt.Errorf("%q: neither serve nor ready", os.Args[1:])
	}
	if err != nil {
		fmt.Println("fatal:", err)
		os.Exit(1)
	}
}

// wait blocks until the process is told to end, or ctx ends.
func wait(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	<-ctx.Done()
	return nil
}

func serve() error {
	mode, err := os.ReadFile("/settings/mode")
	if err != nil {
		return err
	}
	fmt.Printf("reading settings: mode is %s\n", mode)
	if string(mode) == "bad" {
		return fmt.Errorf("mode %s is not supported", mode)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		cancel(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, "mode is %s\n", mode)
		})))
	}()
	_ = wait(ctx)
	return context.Cause(ctx)
}

func ready() error {
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	res, err := client.Get("http://replica/health")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", res.Status)
	}
	return nil
}
