package host

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// A plugin of the kit serves its host only. That a knock tells is seen on
// servers that serve more.
func TestStrangersAreNotServed(t *testing.T) {
	if err := Knock(inTime(t), builtin("demo"), Config{}); err != nil {
		t.Error(err)
	}
	own, err := strangersCertificate()
	if err != nil {
		t.Fatal(err)
	}
	other, err := strangersCertificate()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(other.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	known := x509.NewCertPool()
	known.AddCert(leaf)
	for _, test := range []struct {
		name             string
		config           *tls.Config
		without, withOwn bool
	}{
		{"serves anybody", &tls.Config{}, true, true},
		{"asks for any certificate", &tls.Config{ClientAuth: tls.RequireAnyClientCert}, false, true},
		{"looks at what it is given", &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: known}, true, false},
		{"serves another", &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: known}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.config.Certificates, test.config.MinVersion = []tls.Certificate{own}, tls.VersionTLS12
			server := grpc.NewServer(grpc.Creds(credentials.NewTLS(test.config)))
			defer server.Stop()
			t.Chdir(t.TempDir()) // whose name is too long for a socket
			listener, err := net.Listen("unix", "s")
			if err != nil {
				t.Fatal(err)
			}
			go func() { _ = server.Serve(listener) }() // until it is stopped
			for _, c := range []struct {
				shown []tls.Certificate
				want  bool
			}{{nil, test.without}, {[]tls.Certificate{own}, test.withOwn}} {
				let, err := letIn(inTime(t), listener.Addr(), c.shown)
				if err != nil || let != c.want {
					t.Errorf("with %d certificates it is let in: %v (%v), want %v", len(c.shown), let, err, c.want)
				}
			}
		})
	}
}
