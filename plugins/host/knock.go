package host

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"time"
)

// http2 is how every call begins: the preface, and empty settings.
const http2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// Knock starts one process of a plugin and knocks at its socket as a stranger
// would, without a certificate and with one of its own. It blocks until it is
// answered or refused, or ctx ends. The error is that the plugin serves
// somebody who is not its host, or that this cannot be told.
func Knock(ctx context.Context, spec Spec, config Config) error {
	var served error
	_, end, err := alone(ctx, spec, config, func(address net.Addr) { served = knock(ctx, spec, address) })
	if err != nil {
		return err
	}
	end()
	return served
}

func knock(ctx context.Context, spec Spec, address net.Addr) error {
	own, err := strangersCertificate()
	if err != nil {
		return fmt.Errorf("making a certificate: %w", err)
	}
	for who, certificates := range map[string][]tls.Certificate{
		"without a certificate": nil, "with a certificate of its own": {own},
	} {
		let, err := letIn(ctx, address, certificates)
		if err != nil {
			return err
		}
		if let {
			return fmt.Errorf("plugin %s serves a stranger %s: it is to serve only who has the certificate in PLUGIN_CLIENT_CERT", spec.Name, who)
		}
	}
	return nil
}

// letIn says whether somebody with these certificates gets an answer.
func letIn(ctx context.Context, address net.Addr, certificates []tls.Certificate) (bool, error) {
	raw, err := (&net.Dialer{}).DialContext(ctx, address.Network(), address.String())
	if err != nil {
		return false, fmt.Errorf("knocking at %s: %w", address, err)
	}
	defer func() { _ = raw.Close() }()                         // nobody needs it any more
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })() // it ends what blocks
	conn := tls.Client(raw, &tls.Config{
		Certificates: certificates, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // whom it shows itself to is asked, not who it is
	})
	n := 0
	if err = conn.HandshakeContext(ctx); err == nil {
		_, err = conn.Write([]byte(http2))
	}
	if err == nil {
		n, err = conn.Read(make([]byte, 1)) // the server learns of our certificate after its part of the handshake
	}
	if ctx.Err() != nil {
		return false, fmt.Errorf("knocking at %s: neither an answer nor a refusal: %w", address, err)
	}
	return n > 0, nil
}

func strangersCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
