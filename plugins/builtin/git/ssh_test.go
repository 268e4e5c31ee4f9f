package git

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
)

// keyPair makes a key; private is as ssh-keygen writes it.
func keyPair(t *testing.T) (private, public string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	of, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(of)))
}

// shelled is a repository behind a real sshd, which lets one key in.
type shelled struct {
	*repo
	copy    string
	address string
	key     string // that is let in
	host    string // the host's public key
}

func newShelled(t *testing.T) *shelled {
	t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		sshd = "/usr/sbin/sshd"
	}
	if _, err := os.Stat(sshd); err != nil {
		t.Skip("no sshd on this machine (Debian's package openssh-server): nothing was tested")
	}
	s := &shelled{repo: newRepo(t, true), copy: filepath.Join(t.TempDir(), "copy")}
	s.git(s.work, "init", "-q", "--bare", s.copy)
	base := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(base, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	var hostKey, login string
	hostKey, s.host = keyPair(t)
	s.key, login = keyPair(t)
	config := write("sshd_config", fmt.Sprintf("HostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nPidFile none\n",
		write("host", hostKey), write("authorized", login+"\n")))
	if os.Getuid() == 0 { // which the package's service would make
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			socket, err := conn.(*net.TCPConn).File()
			_ = conn.Close()
			if err != nil {
				continue
			}
			cmd := exec.CommandContext(t.Context(), sshd, "-i", "-e", "-f", config)
			cmd.Stdin, cmd.Stdout = socket, socket
			cmd.Stderr = os.Stderr
			serving.Go(func() {
				_ = cmd.Run() // how it ended the other side is told
				_ = socket.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s.address = fmt.Sprintf("ssh://%s@%s%s", me.Username, l.Addr(), s.dir)
	return s
}

// section is one of firebreak.yaml, with this key and host key.
func (s *shelled) section(key any, hostKey string) map[string]any {
	to := map[string]any{"address": s.address, "key": key}
	return map[string]any{"repo": s.copy, "path": "api/pool.yaml", "remote": to, "mutate": to, "host_keys": []string{hostKey}}
}

func (s *shelled) open(t *testing.T, section map[string]any) plugins.Bound {
	t.Helper()
	b, err := New().Bind(plugins.Binding{Service: "api", Capability: "settings", Access: plugins.Mutate, Config: marshal(t, section)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// TestOverSSH fetches and pushes over ssh, with a key that is a secret.
func TestOverSSH(t *testing.T) {
	t.Parallel()
	s := newShelled(t)
	b := s.open(t, s.section(s.key, s.host))
	top := s.setMax(50, 20, "Tune")
	out := applied(t, run(t, b, apply(t, 60)))
	if out.Revision != s.git(s.dir, "rev-parse", "main") || s.git(s.dir, "rev-parse", "main^") != top || out.From.String() != "20" {
		t.Errorf("%+v is not on top of %s", out, top)
	}
	if got := b.Resource(); !strings.Contains(got, "/settings:main:api/pool.yaml") {
		t.Errorf("resource %s", got)
	}

	secret := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(secret, []byte(s.key), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := host.New(host.Config{
		Contracts: capability.All(), Specs: []host.Spec{plugintest.Self("git")},
		Sections: []host.Section{{Service: "api", Capability: "settings", Plugin: "git", Config: marshal(t, s.section(map[string]string{"secret": "file:" + secret}, s.host))}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Stop(t.Context()) })
	o := h.Run(t.Context(), host.Call{ID: "1", Service: "api", Action: "settings.current", Input: json.RawMessage(`{"setting": "db.pool.max"}`)}, nil)
	if o.Failure != nil || decode[capability.CurrentOutput](t, o.Outputs).Value.String() != "60" {
		t.Errorf("%+v", o)
	}
}

// TestOverSSHRefused holds that another host is not spoken to, that a key that
// is not let in is told as such, and that neither is shown.
func TestOverSSHRefused(t *testing.T) {
	t.Parallel()
	s := newShelled(t)
	otherKey, otherHost := keyPair(t)
	for name, c := range map[string]struct{ key, host, says string }{
		"another host": {s.key, otherHost, "host_keys"},
		"another key":  {otherKey, s.host, "public key"},
	} {
		o := run(t, s.open(t, s.section(c.key, c.host)), apply(t, 60))
		refused(t, o, plugins.Denied)
		if !strings.Contains(o.Failure.Reason, c.says) || strings.Contains(o.Failure.Reason, "PRIVATE") {
			t.Errorf("%s: %s", name, o.Failure.Reason)
		}
	}
	if !strings.Contains(s.file(), "max: 50") {
		t.Errorf("it was written:\n%s", s.file())
	}
}

// TestSSHSection holds that what is missing is named by its key.
func TestSSHSection(t *testing.T) {
	t.Parallel()
	key, hostKey := keyPair(t)
	r := newRepo(t, true)
	for name, c := range map[string]struct {
		remote any
		hosts  []string
		says   string
	}{
		"no user":       {map[string]string{"address": "ssh://h/r", "key": key}, []string{hostKey}, "remote: the address names no user"},
		"no key":        {"ssh://git@h/r", []string{hostKey}, "remote: over ssh a private key"},
		"a broken key":  {map[string]string{"address": "ssh://git@h/r", "key": "secret text"}, []string{hostKey}, "remote: this is no private key"},
		"no host key":   {map[string]string{"address": "ssh://git@h/r", "key": key}, nil, "host_keys: give"},
		"no host key 2": {map[string]string{"address": "ssh://git@h/r", "key": key}, []string{"h ssh-ed25519 AAAA"}, "host_keys: "},
		"a key of http": {map[string]string{"address": "https://h/r", "key": key}, nil, "remote: a key is for ssh"},
		"another key":   {map[string]string{"url": "https://h/r", "key": "secret text"}, nil, "an address is text"},
	} {
		_, err := New().Bind(plugins.Binding{Service: "api", Capability: "settings", Access: plugins.Read, Config: marshal(t, map[string]any{
			"repo": r.dir, "path": "a", "remote": c.remote, "host_keys": c.hosts,
		})})
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret text") {
			t.Errorf("%s: %v; want %q", name, err, c.says)
		}
	}
}
