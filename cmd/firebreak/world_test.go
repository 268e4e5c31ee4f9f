package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// world is what stories act on, as a command:
//
//	world service             a service under load: /metrics, /backlog, /backlog/shed, /items
//	world replicas DIR N      N processes with a pidfile each, started again when they end
//	world replica             one of them
func world(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case len(args) == 1 && args[0] == "service":
		err = worldService(ctx)
	case len(args) == 3 && args[0] == "replicas":
		err = worldReplicas(ctx, args[1], args[2])
	case len(args) == 1 && args[0] == "replica":
		<-ctx.Done()
	default:
		err = fmt.Errorf("world cannot %q", args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "world:", err)
		return 1
	}
	return 0
}

// worldService answers on loopback and prints its address, and every request
// that changed something.
func worldService(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var mu sync.Mutex
	waiting, served := 40, 0
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		served += 50
		fmt.Fprintf(w, "pgxpool_max_conns 20\npgxpool_acquired_conns 20\npgxpool_idle_conns 0\npgxpool_constructing_conns 0\npgxpool_waiting %d\n", waiting)
		fmt.Fprintf(w, "http_requests_total{code=\"200\"} %d\nhttp_first_attempts_total %d\n", served, served)
	})
	mux.HandleFunc("GET /backlog", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_ = json.NewEncoder(w).Encode(map[string]any{"waiting": waiting, "oldest_s": 2.5, "shedding": false})
	})
	mux.HandleFunc("POST /backlog/shed", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println("shed", waiting)
		_ = json.NewEncoder(w).Encode(map[string]any{"cancelled": waiting, "refused": 0, "until": time.Now().Add(time.Second)})
		waiting = 0
	})
	mux.HandleFunc("POST /items", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Println("item")
		w.WriteHeader(http.StatusCreated)
	})
	mux.HandleFunc("GET /items", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"items": 3}`) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	fmt.Printf("world at http://%s\n", l.Addr())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// worldReplicas keeps n processes running.
func worldReplicas(ctx context.Context, dir, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := worldReplica(ctx, filepath.Join(dir, fmt.Sprintf("r%d.pid", i+1))); err != nil {
					fmt.Fprintln(os.Stderr, "world:", err)
					return
				}
			}
		})
	}
	all.Wait()
	return nil
}

func worldReplica(ctx context.Context, pidfile string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, exe, "replica")
	cmd.Args[0] = "world"
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	dieWithParent(cmd.SysProcAttr)
	if err := cmd.Start(); err != nil {
		return err
	}
	part := pidfile + ".new"
	if err := os.WriteFile(part, []byte(strconv.Itoa(cmd.Process.Pid)), 0o644); err != nil {
		return errors.Join(err, cmd.Process.Kill())
	}
	if err := os.Rename(part, pidfile); err != nil {
		return errors.Join(err, cmd.Process.Kill())
	}
	fmt.Println("replica", filepath.Base(pidfile))
	_ = cmd.Wait() // it ends by a signal
	return nil
}
