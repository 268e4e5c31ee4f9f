package accuracy

import (
	"context"
	"io"
	"net"
	"sync/atomic"
)

// proxy stands between service and server. It can be led to another one, for new
// connections, and can go silent: it then passes nothing on, and closes nothing.
type proxy struct {
	net.Listener
	to     atomic.Value // string
	silent atomic.Bool
	stop   chan struct{}
}

func newProxy(to string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{Listener: l, stop: make(chan struct{})}
	p.to.Store(to)
	go p.accept()
	return p, nil
}

func (p *proxy) accept() {
	for {
		c, err := p.Accept()
		if err != nil {
			return
		}
		go p.serve(c)
	}
}

func (p *proxy) serve(c net.Conn) {
	to, _ := p.to.Load().(string) // it holds no other
	s, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", to)
	if err != nil {
		_ = c.Close()
		return
	}
	done := make(chan struct{}, 2)
	pass := func(to, from net.Conn) {
		b := make([]byte, 8192)
		for {
			n, err := from.Read(b)
			if p.silent.Load() {
				<-p.stop
			}
			if err != nil {
				break
			}
			if _, err := to.Write(b[:n]); err != nil {
				break
			}
		}
		done <- struct{}{}
	}
	go pass(s, c)
	go pass(c, s)
	<-done
	_, _ = io.Closer(c).Close(), s.Close()
}

func (p *proxy) close() {
	close(p.stop)
	_ = p.Close()
}

func (p *proxy) port() int {
	address, _ := p.Addr().(*net.TCPAddr) // it listens on tcp
	return address.Port
}
