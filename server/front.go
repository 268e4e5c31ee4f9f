package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// FrontConfig is what a [Front] needs.
type FrontConfig struct {
	Listen  string       // HOST:PORT
	Cert    string       // file of the certificate; empty: no TLS
	Key     string       // file of its key
	Plain   bool         // other machines may come without TLS
	Handler http.Handler // it finds out who asks
	HangUp  func()       // ends the answers that do not end by themselves; nil: there are none
}

// Front is where other machines reach firebreak.
type Front struct {
	cfg  FrontConfig
	http *http.Server

	mu       sync.Mutex
	listener net.Listener
	served   chan struct{} // closed when the listener is no longer served
}

// connections is how many there may be at once; more wait.
const connections = 512

// NewFront returns a front that does not listen yet.
func NewFront(cfg FrontConfig) *Front {
	f := &Front{cfg: cfg, http: &http.Server{
		Handler:           cfg.Handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      20 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // strangers who do not speak TLS
	}}
	if cfg.HangUp != nil {
		f.http.RegisterOnShutdown(cfg.HangUp)
	}
	return f
}

// ExposedError says that secrets would cross a network in clear text.
type ExposedError struct{ Listen string }

func (e *ExposedError) Error() string {
	return e.Listen + " can be reached from other machines, and without TLS"
}

// Class is the kind of error, for machines.
func (e *ExposedError) Class() string { return classInvalid }

// Hint says what to do next.
func (e *ExposedError) Hint() string {
	return "give serve: a cert: and a key:, listen on 127.0.0.1, or, behind a proxy that ends TLS, say plain_http: true"
}

// Start listens and returns; requests are answered in the background until
// Stop.
func (f *Front) Start(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	host, _, err := net.SplitHostPort(f.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen on %q: write HOST:PORT: %w", f.cfg.Listen, err)
	}
	if ip := net.ParseIP(host); f.cfg.Cert == "" && !f.cfg.Plain && (ip == nil || !ip.IsLoopback()) {
		return &ExposedError{f.cfg.Listen}
	}
	var config *tls.Config
	if f.cfg.Cert != "" {
		own := &certificate{cert: f.cfg.Cert, key: f.cfg.Key}
		if _, err := own.get(nil); err != nil {
			return fmt.Errorf("the certificate: %w", err)
		}
		config = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: own.get, NextProtos: []string{"http/1.1"}}
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", f.cfg.Listen)
	if err != nil {
		return err
	}
	f.listener, f.served = l, make(chan struct{})
	limited := netutil.LimitListener(l, connections)
	if config != nil {
		limited = tls.NewListener(limited, config)
	}
	go func(served chan<- struct{}) {
		defer close(served)
		_ = f.http.Serve(limited) // it ends with Stop
	}(f.served)
	return nil
}

// Addr is where others reach it, or "" when it does not listen.
func (f *Front) Addr() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listener == nil {
		return ""
	}
	if f.cfg.Cert != "" {
		return "https://" + f.listener.Addr().String()
	}
	return "http://" + f.listener.Addr().String()
}

// Stop answers what has been asked and takes nothing more. What has no answer
// when ctx ends is cut. A stopped front does not start again.
func (f *Front) Stop(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop listening: %w", err), f.http.Close())
	}
	if f.listener != nil {
		<-f.served
		f.listener = nil
	}
	return err
}
