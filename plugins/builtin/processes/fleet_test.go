package processes

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
)

// The test binary is also the supervisor and the replicas of the workload
// under test, by this variable.
const roleKey = "FIREBREAK_TEST_ROLE"

// quickExit spares a replica the second that the race detector waits at exit.
const quickExit = "GORACE=atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	switch os.Getenv(roleKey) {
	case "supervisor":
		supervise(os.Args[1], os.Args[2:])
	case "replica":
		replicate(os.Args[1], os.Args[2])
	default:
		plugintest.Main(m, New())
	}
}

// supervise keeps one replica for each name, for ever.
func supervise(dir string, names []string) {
	for _, name := range names {
		go func() {
			runtime.LockOSThread() // Pdeathsig is about this thread
			for {
				cmd := exec.Command("/proc/self/exe", dir, name)
				cmd.Env = []string{roleKey + "=replica", quickExit}
				cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
				out, err := cmd.StdoutPipe()
				if err != nil || cmd.Start() != nil {
					panic(err)
				}
				port, err := bufio.NewReader(out).ReadString('\n')
				if err == nil {
					put(filepath.Join(dir, name+".port"), port)
					put(filepath.Join(dir, name+".pid"), strconv.Itoa(cmd.Process.Pid)+"\n")
				}
				_ = cmd.Wait() // it was told to end
			}
		}()
	}
	select {}
}

func put(file, content string) {
	if err := os.WriteFile(file+".new", []byte(content), 0o644); err != nil {
		panic(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		panic(err)
	}
}

// replicate serves /ready until SIGTERM. The file NAME.unready makes it not
// ready, and NAME.stuck deaf.
func replicate(dir, name string) {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	srv := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if exists(filepath.Join(dir, name+".unready")) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, `{"version": "v7"}`)
	})}
	go func() { panic(srv.Serve(l)) }()
	for range end {
		if !exists(filepath.Join(dir, name+".stuck")) {
			return
		}
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// fleet is a workload of real processes.
type fleet struct {
	t     *testing.T
	dir   string
	names []string
}

func startFleet(t *testing.T, n int) *fleet {
	t.Helper()
	f := &fleet{t: t, dir: t.TempDir()}
	for i := range n {
		f.names = append(f.names, fmt.Sprintf("api-%d", i))
	}
	cmd := exec.Command("/proc/self/exe", append([]string{f.dir}, f.names...)...)
	cmd.Env = []string{roleKey + "=supervisor", quickExit}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		started <- cmd.Start()
		ended <- cmd.Wait()
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err == nil {
			t.Error("the supervisor was not killed")
		}
		for _, name := range f.names { // they die with their supervisor
			f.until("replica "+name+" to be gone", func() bool { return !look(f.file(name + ".pid")).runs() })
		}
	})
	f.allReady()
	return f
}

func (f *fleet) file(name string) string { return filepath.Join(f.dir, name) }

func (f *fleet) put(name, content string) {
	f.t.Helper()
	if err := os.WriteFile(f.file(name), []byte(content), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// patience is how long a test waits for what must come.
const patience = 5 * time.Minute

// until polls for what another process does.
func (f *fleet) until(what string, ok func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			f.t.Fatalf("waited in vain for %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func (f *fleet) allReady() {
	f.t.Helper()
	b := f.bind(plugins.Read).(*bound)
	f.until("all replicas to be ready", func() bool {
		s, err := b.status(f.t.Context())
		return err == nil && s.Ready == len(f.names)
	})
}

func (f *fleet) section() json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"plugin": "processes", "pidfiles": [%q], "ready": "http://127.0.0.1:{port}/ready?of={name}"}`, f.file("*.pid")))
}

func (f *fleet) bind(access plugins.Effect) plugins.Bound {
	f.t.Helper()
	b, err := New().Bind(plugins.Binding{Service: "api", Capability: "workload", Access: access, Config: f.section()})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { b.Close() })
	return b
}

// processes is what runs, seen by the pidfiles alone.
func (f *fleet) processes() string {
	f.t.Helper()
	var out []string
	for _, name := range f.names {
		pid, err := os.ReadFile(f.file(name + ".pid"))
		if err != nil {
			f.t.Fatal(err)
		}
		out = append(out, name+"="+strings.TrimSpace(string(pid)))
	}
	return strings.Join(out, " ")
}

// kill ends one replica behind the plugin's back, and waits for its successor.
func (f *fleet) kill(name string) {
	f.t.Helper()
	was := look(f.file(name + ".pid"))
	if err := syscall.Kill(was.pid, syscall.SIGKILL); err != nil {
		f.t.Fatal(err)
	}
	f.until(name+" to be back", func() bool {
		is := look(f.file(name + ".pid"))
		return is.runs() && is.process != was.process
	})
	f.allReady()
}
