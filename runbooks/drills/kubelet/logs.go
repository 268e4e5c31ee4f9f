package kubelet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// logs are the last words of what has ended, by namespace/pod, as the API
// server asks a kubelet for them.
type logs struct {
	port   int
	server *http.Server

	mu    sync.Mutex
	words map[string]string
}

// serveLogs listens on this machine alone, with a certificate that nobody has
// signed: the API server of a test does not look at it.
func serveLogs() (*logs, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().AddDate(1, 0, 0), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	raw, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		return nil, err
	}
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	l := &logs{words: map[string]string{}}
	if at, ok := ln.Addr().(*net.TCPAddr); ok {
		l.port = at.Port
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", l.read)
	l.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	secure := tls.NewListener(ln, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}})
	go l.server.Serve(secure) //nolint:errcheck // it ends when it is closed
	return l, nil
}

func (l *logs) read(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	io.WriteString(w, l.words[r.PathValue("namespace")+"/"+r.PathValue("pod")]) //nolint:errcheck // a reader that is gone
}

func (l *logs) keep(pod *corev1.Pod, words string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.words[pod.Namespace+"/"+pod.Name] = words
}

func (l *logs) close(ctx context.Context) error {
	if err := l.server.Shutdown(ctx); err != nil {
		return fmt.Errorf("kubelet's logs: %w", err)
	}
	return nil
}
