package plugins

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain is also the main of a plugin process.
func TestMain(m *testing.M) {
	if os.Getenv(Handshake().MagicCookieKey) == Handshake().MagicCookieValue {
		Serve(nothing{})
		return
	}
	m.Run()
}

type nothing struct{}

func (nothing) Describe() Description       { return Description{Name: "nothing", Version: "1"} }
func (nothing) Bind(Binding) (Bound, error) { return nil, Fail(Invalid, "nothing binds") }

// A host that is gone leaves the plugin nothing but the end of its input.
func TestServeEndsWithItsInput(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{Handshake().MagicCookieKey + "=" + Handshake().MagicCookieValue, "PLUGIN_PROTOCOL_VERSIONS=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if parts := strings.Split(line, "|"); len(parts) < 5 || parts[1] != "1" || parts[4] != "grpc" {
		t.Errorf("handshake %q; want version 1 over grpc", line)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the plugin ended with %v; want a clean end", err)
	}
}
