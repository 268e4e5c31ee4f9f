package kubernetes

import (
	"io"
	"net"
	"net/url"
	"strings"
	"sync"

	"github.com/firebreak-ops/firebreak/plugins"
)

// way is a way to the API server that can be cut.
type way struct {
	kubeconfig string
	to         string
	listener   net.Listener

	mu    sync.Mutex
	isCut bool
	conns map[net.Conn]bool
	work  sync.WaitGroup
}

func (p *plane) startWay() *way {
	p.Helper()
	server, err := url.Parse(p.config.Host)
	if err != nil {
		p.Fatal(err)
	}
	w := &way{to: server.Host, conns: map[net.Conn]bool{}}
	if w.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		p.Fatal(err)
	}
	w.kubeconfig = strings.ReplaceAll(p.kubeconfig, server.Host, w.listener.Addr().String())
	w.work.Go(w.serve)
	p.Cleanup(func() {
		_ = w.listener.Close()
		w.cut()
		w.work.Wait()
	})
	return w
}

func (w *way) serve() {
	for {
		from, err := w.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", w.to)
		if err != nil || !w.open(from, to) {
			_ = from.Close()
			continue
		}
		for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
			w.work.Go(func() {
				_, _ = io.Copy(pair[0], pair[1])
				_ = pair[0].Close()
			})
		}
	}
}

func (w *way) open(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		if w.isCut {
			_ = c.Close()
			continue
		}
		w.conns[c] = true
	}
	return !w.isCut
}

// cut ends what is open, and lets nothing through.
func (w *way) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = true
	for c := range w.conns {
		_ = c.Close()
	}
	w.conns = map[net.Conn]bool{}
}

func (w *way) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = false
}

// run2 is run, with an ear for what the call says.
func (p *plane) run2(b plugins.Bound, call plugins.Call, to *stream) (plugins.Plan, plugins.Outcome) {
	p.Helper()
	if call.ID == "" {
		call.ID = p.Name()
	}
	plan, err := b.Plan(p.Context(), call)
	if err != nil {
		p.Fatal(err)
	}
	call.Expect = plan.Fingerprint
	return plan, b.Run(p.Context(), call, to)
}
