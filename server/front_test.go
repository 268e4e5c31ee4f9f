package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func front(t *testing.T, cfg FrontConfig) *Front {
	t.Helper()
	cfg.Handler = answers
	f := NewFront(cfg)
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return f
}

func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	c.CloseIdleConnections()
	return w.StatusCode, string(body)
}

// answers says that it is there.
var answers = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, Health{OK: true}) })

// TestFrontExposed holds that nobody sends secrets over a network in clear
// text by accident.
func TestFrontExposed(t *testing.T) {
	for _, listen := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0", "localhost:0"} {
		f := NewFront(FrontConfig{Listen: listen, Handler: answers})
		if _, ok := errors.AsType[*ExposedError](f.Start(t.Context())); !ok {
			t.Errorf("it listens on %s", listen)
		}
	}
	if err := NewFront(FrontConfig{Listen: "8443", Handler: answers}).Start(t.Context()); err == nil {
		t.Error("it listens on what is no address")
	}
	f := front(t, FrontConfig{Listen: "0.0.0.0:0", Plain: true})
	if !strings.HasPrefix(f.Addr(), "http://") {
		t.Errorf("it listens on %s", f.Addr())
	}
}

func TestFrontTLS(t *testing.T) {
	cert, key, pool := certified(t)
	f := front(t, FrontConfig{Listen: "0.0.0.0:0", Cert: cert, Key: key})
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(f.Addr(), "https://"))
	if code, _ := get(t, c, "https://127.0.0.1:"+port+"/v1/health"); code != http.StatusOK {
		t.Errorf("health: %d", code)
	}
	bad := NewFront(FrontConfig{Listen: "127.0.0.1:0", Cert: cert, Key: cert, Handler: answers})
	if err := bad.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("it starts with a key that is none: %v", err)
	}
}

// certified writes a certificate for 127.0.0.1 that comes with the test server.
func certified(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	pair := s.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "tls.crt"), filepath.Join(t.TempDir(), "tls.key")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return cert, key, pool
}

// TestFrontSlow holds that a client which sends too little too slowly is cut,
// and holds nobody up meanwhile; and so is one whose head does not end. Its
// limits pass in a time of their own.
func TestFrontSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut := make(chan error, 1)
		f := NewFront(FrontConfig{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				answers(w, r)
				return
			}
			_, err := io.ReadAll(r.Body)
			cut <- err
		})})
		if s := f.http; s.ReadTimeout == 0 || s.ReadHeaderTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 {
			t.Fatalf("a limit is not set: %+v", s)
		}
		l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		var served, slow sync.WaitGroup
		served.Go(func() { _ = f.http.Serve(l) }) // it ends with Close
		for _, head := range []string{
			"POST /v1/alerts/am HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
			"POST /v1/alerts/am HTTP/1.1\r\nHost: x\r\nX-Long: ",
			"POST /v1/alerts/am HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", 64<<10),
		} {
			conn := l.dial()
			slow.Go(func() { _, _ = io.WriteString(conn, head) }) // of one too long, not all is taken
			slow.Go(func() {
				if _, err := io.ReadAll(conn); err != nil {
					t.Errorf("the connection is not cut: %v", err)
				}
			})
		}
		began := time.Now()
		c := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return l.dial(), nil }}}
		if code, _ := get(t, c, "http://front/v1/health"); code != http.StatusOK || time.Now().After(began) {
			t.Errorf("health: %d, after %s", code, time.Since(began))
		}
		if err := <-cut; err == nil {
			t.Error("half a body was read as a whole one")
		}
		slow.Wait()
		if err := f.http.Close(); err != nil {
			t.Error(err)
		}
		served.Wait()
	})
}

// pipes is a listener whose connections are in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipes) dial() net.Conn {
	near, far := net.Pipe()
	l.conns <- far
	return near
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }
