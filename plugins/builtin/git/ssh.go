package git

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"slices"

	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"

	"github.com/firebreak-ops/firebreak/plugins"
)

// knownHost is a login by key to a host that must show one of its keys. What
// else this machine knows of hosts, or has of keys, is not used.
type knownHost struct {
	*gitssh.PublicKeys

	host string
	keys []ssh.PublicKey
}

func sshAuth(key string, u *url.URL, private string, hosts []string) (*knownHost, error) {
	switch {
	case u.User.Username() == "":
		return nil, fmt.Errorf("%s: the address names no user; write ssh://git@%s%s", key, u.Host, u.Path)
	case private == "":
		return nil, fmt.Errorf("%s: over ssh a private key is needed: {address: ssh://..., key: {secret: \"file:...\"}}", key)
	case len(hosts) == 0:
		return nil, fmt.Errorf("host_keys: give the public keys of %s, such as ssh-keyscan prints them", u.Hostname())
	}
	a := &knownHost{host: u.Host}
	var err error
	if a.PublicKeys, err = gitssh.NewPublicKeys(u.User.Username(), []byte(private), ""); err != nil {
		// The library's text may quote the key.
		return nil, fmt.Errorf("%s: this is no private key that can be used (it is not shown); one with a passphrase cannot", key)
	}
	for _, line := range hosts {
		public, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil || len(bytes.TrimSpace(rest)) > 0 {
			return nil, fmt.Errorf("host_keys: %q is not one public key; they are written like ssh-ed25519 AAAAC3NzaC1", line)
		}
		a.keys = append(a.keys, public)
	}
	return a, nil
}

// ClientConfig implements the library's AuthMethod for ssh.
func (a *knownHost) ClientConfig() (*ssh.ClientConfig, error) {
	c := &ssh.ClientConfig{User: a.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(a.Signer)}, HostKeyCallback: a.check}
	for _, k := range a.keys { // another one of the host's is not asked for
		c.HostKeyAlgorithms = append(c.HostKeyAlgorithms, algorithms(k.Type())...)
	}
	return c, nil
}

// algorithms are those by which a host proves to have a key.
func algorithms(kind string) []string {
	if kind == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{kind}
}

func (a *knownHost) check(_ string, _ net.Addr, shown ssh.PublicKey) error {
	if slices.ContainsFunc(a.keys, func(k ssh.PublicKey) bool { return bytes.Equal(k.Marshal(), shown.Marshal()) }) {
		return nil
	}
	return plugins.Fail(plugins.Denied,
		"%s shows the host key %s, which is none of host_keys: either it was renewed (ask whoever runs it, then correct host_keys) or this is another host", a.host, ssh.FingerprintSHA256(shown))
}
