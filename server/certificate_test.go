package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A certificate that is renewed is shown without a new start, and a half of it
// never.
func TestCertificateIsRenewed(t *testing.T) {
	cert, key := filepath.Join(t.TempDir(), "tls.crt"), filepath.Join(t.TempDir(), "tls.key")
	at := time.Now()
	write := func(name string, block *pem.Block) {
		t.Helper()
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Second)
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	firstCert, firstKey := issue(t, 1)
	write(cert, firstCert)
	write(key, firstKey)
	f := front(t, FrontConfig{Listen: "127.0.0.1:0", Cert: cert, Key: key})
	shows := func(want int64) {
		t.Helper()
		c, err := tls.Dial("tcp", strings.TrimPrefix(f.Addr(), "https://"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if n := c.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); n != want {
			t.Errorf("it shows certificate %d, not %d", n, want)
		}
	}
	shows(1)
	nextCert, nextKey := issue(t, 2)
	write(cert, nextCert)
	shows(1)
	write(key, nextKey)
	shows(2)
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	shows(2)
	write(cert, firstCert)
	write(key, firstKey)
	shows(1)
}

// issue makes a certificate and its key.
func issue(t *testing.T, serial int64) (cert, key *pem.Block) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, of, of, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return &pem.Block{Type: "CERTIFICATE", Bytes: raw}, &pem.Block{Type: "PRIVATE KEY", Bytes: der}
}
