package exec

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

// The test binary is also the command under test, by its first argument.
const marker = "under-test"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == marker {
		os.Exit(commandUnderTest(os.Args[2], os.Args[3:]))
	}
	plugintest.Main(m, New())
}

func commandUnderTest(do string, args []string) int {
	switch do {
	case "print":
		fmt.Println(strings.Join(args, "|"))
		fmt.Fprintln(os.Stderr, "beside it")
	case "fail":
		fmt.Fprintln(os.Stderr, "first\nthe disk is full")
		return 3
	case "much": // fails after many words, the last of which have two bytes each
		for i := range 50_000 {
			fmt.Fprintln(os.Stderr, "line", i)
		}
		fmt.Fprint(os.Stderr, "!"+strings.Repeat("ü", 300)+"\n\n")
		return 3
	case "host": // runs a command as the plugin does, until it is killed
		b, err := New().Bind(plugins.Binding{Access: plugins.Mutate, Config: json.RawMessage(args[0])})
		if err != nil {
			return 1
		}
		s := newStream()
		go func() { fmt.Println(<-s.pids, <-s.pids) }()
		b.Run(context.Background(), call("exec.run", `{"command": "wait"}`), s)
	case "env":
		fmt.Println(strings.Join(os.Environ(), "\n"))
	case "dir":
		dir, _ := os.Getwd()
		fmt.Println(dir)
	case "talk":
		fmt.Print(strings.Repeat("x\x00\xff\n", maxOutput))
	case "touch":
		if err := os.WriteFile(args[0], []byte("touched"), 0o644); err != nil {
			return 1
		}
	case "wait": // for ever, with a child that is deaf
		child := exec.Command("/proc/self/exe", marker, "deaf")
		child.Stdout = os.Stdout
		if child.Start() != nil {
			return 1
		}
		fallthrough
	case "deaf":
		if do == "deaf" {
			signal.Ignore(syscall.SIGTERM)
		}
		fmt.Println("pid", os.Getpid())
		select {}
	case "polite": // ends well when it is told to
		end := make(chan os.Signal, 1)
		signal.Notify(end, syscall.SIGTERM)
		fmt.Println("pid", os.Getpid())
		<-end
		fmt.Println("wound up")
	}
	return 0
}

// bind names every command of the test, with its own extra settings.
func bind(t *testing.T, access plugins.Effect, extra string) plugins.Bound {
	t.Helper()
	b, err := New().Bind(plugins.Binding{Access: access, Config: section(t, extra)})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func section(t *testing.T, extra string) json.RawMessage {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for _, name := range []string{"print", "fail", "env", "dir", "talk", "much", "touch", "wait", "deaf", "polite"} {
		commands = append(commands, fmt.Sprintf(`%q: {"argv": [%q, %q, %q] %s}`, name, self, marker, name, extra))
	}
	commands = append(commands, fmt.Sprintf(`"look": {"argv": [%q, %q, "print", "looked"], "effect": "read"}`, self, marker))
	commands = append(commands, `"none": {"argv": ["/nowhere/none"]}`, `"data": {"argv": ["/etc/passwd"]}`)
	return json.RawMessage(`{"commands": {` + strings.Join(commands, ", ") + `}}`)
}

func call(action, input string) plugins.Call {
	return plugins.Call{ID: "c1", Action: action, Input: json.RawMessage(input)}
}

// stream keeps the logs, and reports the process ids that commands print.
type stream struct {
	mu   sync.Mutex
	logs []string
	pids chan int
}

func newStream() *stream { return &stream{pids: make(chan int, 10)} }

func (s *stream) Progress(int, int, string) {}

func (s *stream) Log(level, text string) {
	s.mu.Lock()
	s.logs = append(s.logs, level+": "+text)
	s.mu.Unlock()
	if pid, ok := strings.CutPrefix(text, "pid "); ok {
		if n, err := strconv.Atoi(pid); err == nil {
			s.pids <- n
		}
	}
}

func outputs(t *testing.T, out plugins.Outcome) output {
	t.Helper()
	var o output
	if err := json.Unmarshal(out.Outputs, &o); err != nil {
		t.Fatalf("%+v %+v: %v", out, out.Failure, err)
	}
	return o
}

func TestArgumentsReachTheCommandAsTheyAre(t *testing.T) {
	s := newStream()
	out := bind(t, plugins.Mutate, "").Run(t.Context(), call("exec.run", `{"command": "print", "args": ["a b", "$HOME;*", ""]}`), s)
	if out.Failure != nil || out.Applied != plugins.All {
		t.Fatalf("%+v, %+v", out, out.Failure)
	}
	if got := outputs(t, out); got.Stdout != "a b|$HOME;*|\n" || got.Stderr != "beside it\n" || got.ExitCode != 0 || got.Truncated {
		t.Errorf("%+v", got)
	}
	if logs := strings.Join(s.logs, ","); !strings.Contains(logs, "info: a b|$HOME;*|") || !strings.Contains(logs, "warn: beside it") {
		t.Errorf("logs %q", s.logs)
	}
}

func TestExitCode(t *testing.T) {
	out := bind(t, plugins.Mutate, "").Run(t.Context(), call("exec.run", `{"command": "fail"}`), newStream())
	if out.Failure == nil || out.Applied != plugins.Unknown || !strings.Contains(out.Failure.Reason, "exit status 3: the disk is full") || outputs(t, out).ExitCode != 3 {
		t.Errorf("%+v, %+v", out, out.Failure)
	}
}

func TestEnvironmentIsScrubbed(t *testing.T) {
	t.Setenv("FIREBREAK_SECRET", "s3cret")
	t.Setenv("LANG", "C.UTF-8")
	out := bind(t, plugins.Mutate, `, "env": {"TOKEN": "t0ken"}`).Run(t.Context(), call("exec.run", `{"command": "env"}`), newStream())
	env := outputs(t, out).Stdout
	for want, there := range map[string]bool{"TOKEN=t0ken": true, "LANG=C.UTF-8": true, "PATH=" + os.Getenv("PATH"): true, "s3cret": false} {
		if strings.Contains(env, want) != there {
			t.Errorf("%q in the environment: %v, want %v\n%s", want, !there, there, env)
		}
	}
}

func TestDir(t *testing.T) {
	dir := t.TempDir()
	out := bind(t, plugins.Mutate, `, "dir": `+strconv.Quote(dir)).Run(t.Context(), call("exec.run", `{"command": "dir"}`), newStream())
	if got := outputs(t, out).Stdout; got != dir+"\n" {
		t.Errorf("ran in %q, want %q", got, dir)
	}
}

func TestOutputIsCappedAndClean(t *testing.T) {
	s := newStream()
	out := bind(t, plugins.Mutate, "").Run(t.Context(), call("exec.run", `{"command": "talk"}`), s)
	got := outputs(t, out)
	if out.Failure != nil || !got.Truncated || len(got.Stdout) > 2*maxOutput || strings.Contains(got.Stdout, "\x00") || !strings.HasPrefix(got.Stdout, "x\ufffd\n") {
		t.Errorf("%d bytes, truncated %v, %v", len(got.Stdout), got.Truncated, out.Failure)
	}
	if want := maxLogged + 1 + maxLast; len(s.logs) != want {
		t.Errorf("%d lines were streamed, want %d", len(s.logs), want)
	}
}

// TestLastLines holds that what a command says at last is heard, however much it
// has said before.
func TestLastLines(t *testing.T) {
	s := newStream()
	out := bind(t, plugins.Mutate, "").Run(t.Context(), call("exec.run", `{"command": "much"}`), s)
	if out.Failure == nil || !strings.Contains(out.Failure.Reason, "exit status 3: !üü") || !utf8.ValidString(out.Failure.Reason) {
		t.Errorf("it says %+v", out.Failure)
	}
	n := len(s.logs)
	if want := "warn: line 49999"; n < 3 || s.logs[n-3] != want || !strings.HasPrefix(s.logs[n-2], "warn: !ü") || !slices.Contains(s.logs, "warn: … 47982 lines are not shown") {
		t.Errorf("it ends with %.60q", s.logs[max(0, n-25):])
	}
}

func TestWhatCannotRun(t *testing.T) {
	for _, tt := range []struct {
		name, action, input, class string
		access                     plugins.Effect
	}{
		{"not configured", "exec.run", `{"command": "rm"}`, plugins.Denied, plugins.Mutate},
		{"a mutating command as a read", "exec.read", `{"command": "print"}`, plugins.Denied, plugins.Read},
		{"run on a read binding", "exec.run", `{"command": "print"}`, plugins.Denied, plugins.Read},
		{"no such program", "exec.run", `{"command": "none"}`, plugins.NotFound, plugins.Mutate},
		{"not a program", "exec.run", `{"command": "data"}`, plugins.Denied, plugins.Mutate},
		{"zero byte", "exec.run", `{"command": "print", "args": ["a\u0000b"]}`, plugins.Invalid, plugins.Mutate},
		{"a shell line", "exec.run", `{"command": "print", "shell": "x"}`, plugins.Invalid, plugins.Mutate},
		{"unknown action", "exec.shell", `{"command": "print"}`, plugins.Invalid, plugins.Mutate},
	} {
		out := bind(t, tt.access, "").Run(t.Context(), call(tt.action, tt.input), newStream())
		if out.Failure == nil || out.Failure.Class != tt.class || out.Applied != plugins.None {
			t.Errorf("%s: %+v, %+v; want class %s", tt.name, out, out.Failure, tt.class)
		}
	}
	b, err := New().Bind(plugins.Binding{Access: plugins.Mutate})
	if err != nil {
		t.Fatal(err)
	}
	if out := b.Run(t.Context(), call("exec.run", `{"command": "print"}`), newStream()); out.Failure == nil || out.Failure.Class != plugins.Denied {
		t.Errorf("without a configuration: %+v", out)
	}
}

func TestReadingCommand(t *testing.T) {
	out := bind(t, plugins.Read, "").Run(t.Context(), call("exec.read", `{"command": "look"}`), newStream())
	if out.Failure != nil || out.Applied != plugins.None || outputs(t, out).Stdout != "looked\n" {
		t.Errorf("%+v, %+v", out, out.Failure)
	}
}

// TestStopEndsTheWholeGroup stops a command whose child ignores SIGTERM.
func TestStopEndsTheWholeGroup(t *testing.T) {
	t.Run("stop", func(t *testing.T) {
		stop := make(chan struct{})
		out, pids := waiting(t, `, "grace": "200ms"`, stop)
		close(stop)
		groupEnded(t, <-out, plugins.Cancelled, pids)
	})
	t.Run("timeout", func(t *testing.T) {
		for limit := time.Second; ; limit *= 2 { // until both processes are there before it is over
			out, pids := waiting(t, fmt.Sprintf(`, "grace": "200ms", "timeout": %q`, limit), nil)
			groupEnded(t, <-out, plugins.Timeout, pids)
			if len(pids) == 2 {
				return
			}
		}
	})
}

// waiting runs a command with a child, and returns once both have said who they
// are, or the call has ended.
func waiting(t *testing.T, extra string, stop <-chan struct{}) (<-chan plugins.Outcome, []int) {
	t.Helper()
	s, c := newStream(), call("exec.run", `{"command": "wait"}`)
	c.Stop = stop
	b, out := bind(t, plugins.Mutate, extra), make(chan plugins.Outcome, 1)
	go func() { out <- b.Run(t.Context(), c, s) }()
	var pids []int
	for len(pids) < 2 {
		select {
		case pid := <-s.pids:
			pids = append(pids, pid)
		case o := <-out:
			out <- o
			for len(s.pids) > 0 {
				pids = append(pids, <-s.pids)
			}
			return out, pids
		}
	}
	return out, pids
}

func groupEnded(t *testing.T, got plugins.Outcome, class string, pids []int) {
	t.Helper()
	if got.Failure == nil || got.Failure.Class != class || got.Applied != plugins.Unknown {
		t.Errorf("%+v, %+v", got, got.Failure)
	}
	for _, pid := range pids {
		gone(t, pid)
	}
}

func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); syscall.Kill(pid, 0) == nil; {
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && strings.Contains(string(stat), ") Z ") {
			return // dead, and its reaper is not ours
		}
		if time.Now().After(deadline) {
			t.Errorf("process %d is still there", pid)
			return
		}
		<-time.After(5 * time.Millisecond)
	}
}

func TestCommandThatEndsWellWhenItIsStopped(t *testing.T) {
	s, stop := newStream(), make(chan struct{})
	c := call("exec.run", `{"command": "polite"}`)
	c.Stop = stop
	out := make(chan plugins.Outcome, 1)
	go func() { out <- bind(t, plugins.Mutate, "").Run(t.Context(), c, s) }()
	<-s.pids
	close(stop)
	got := <-out
	// Its exit code says that it wound up well, not that its work is done.
	if got.Failure == nil || got.Failure.Class != plugins.Cancelled || got.Applied != plugins.Unknown || !strings.Contains(outputs(t, got).Stdout, "wound up") {
		t.Errorf("%+v, %+v", got, got.Failure)
	}
}

// TestCommandDiesWithThePlugin kills the process that runs the command: with it
// goes what the command has started, too.
func TestCommandDiesWithThePlugin(t *testing.T) {
	host := exec.Command("/proc/self/exe", marker, "host", string(section(t, "")))
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	var command, child int
	if _, err := fmt.Fscan(out, &command, &child); err != nil {
		t.Error(err)
	}
	if err := host.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := host.Wait(); err == nil {
		t.Error("it was not killed")
	}
	for _, pid := range []int{command, child} {
		if pid > 0 {
			gone(t, pid)
		}
	}
}

// TestGroupEndsWithThePlugin ends a plugin while a command of its runs whose
// child ignores SIGTERM.
func TestGroupEndsWithThePlugin(t *testing.T) {
	client, end, err := host.Connect(t.Context(), plugintest.Self("exec"), host.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if _, err := client.Bind(t.Context(), &pb.BindRequest{Id: "b", Access: pb.Effect_EFFECT_MUTATE, Config: section(t, "")}); err != nil {
		t.Fatal(err)
	}
	run, err := client.Run(t.Context(), &pb.RunRequest{Call: &pb.Call{Id: "c", Binding: "b", Action: "exec.run", Input: []byte(`{"command": "wait"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	s := newStream()
	for len(s.pids) < 2 {
		event, err := run.Recv()
		if err != nil {
			t.Fatal(err)
		}
		s.Log("info", event.GetLog().GetText())
	}
	end()
	for range 2 {
		gone(t, <-s.pids)
	}
}

func TestPlanShowsTheCommand(t *testing.T) {
	b := bind(t, plugins.Mutate, `, "env": {"TOKEN": "s3cret"}, "dir": "/tmp", "resource": "disk:x"`)
	plan, err := b.Plan(t.Context(), call("exec.run", `{"command": "print", "args": ["two words"]}`))
	if err != nil || !strings.HasPrefix(plan.Detail, "in /tmp: /") || !strings.HasSuffix(plan.Detail, "under-test print \"two words\"\n") {
		t.Errorf("plan %+v, %v", plan, err)
	}
	if plan.Resource != "disk:x" || strings.Contains(string(plan.Binding), "s3cret") || !strings.Contains(string(plan.Binding), `"two words"`) {
		t.Errorf("plan %+v", plan)
	}
}

func TestBindRefuses(t *testing.T) {
	for key, config := range map[string]string{
		"commands.x.argv":   `{"commands": {"x": {}}}`,
		"commands.x.effect": `{"commands": {"x": {"argv": ["a"], "effect": "harmless"}}}`,
		"commands.x.dir":    `{"commands": {"x": {"argv": ["a"], "dir": "b"}}}`,
		"commands.x.env":    `{"commands": {"x": {"argv": ["a"], "env": {"A=B": "c"}}}}`,
		"shell":             `{"commands": {"x": {"shell": "a | b"}}}`,
	} {
		if _, err := New().Bind(plugins.Binding{Config: json.RawMessage(config)}); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", config, err)
		}
	}
}

func TestConformance(t *testing.T) {
	file := t.TempDir() + "/touched"
	plugintest.Run(t, plugintest.Self("exec"), plugintest.Cases{
		Sections: []host.Section{{Plugin: "exec", Config: section(t, "")}},
		Refused: []plugintest.Refused{
			{Section: host.Section{Plugin: "exec", Config: json.RawMessage(`{"commands": {"x": {}}}`)}, Key: "argv"},
			{Section: host.Section{Plugin: "exec", Config: json.RawMessage(`{"commands": {"x": {"argv": ["a"], "grace": "soon"}}}`)}, Key: "grace"},
			{Section: host.Section{Plugin: "exec", Config: json.RawMessage(`{"command": {}}`)}, Key: "command"},
		},
		Reads: []plugintest.Read{
			{Action: "exec.read", Input: json.RawMessage(`{"command": "look"}`)},
			{Action: "exec.read", Input: json.RawMessage(`{"command": "print"}`), Class: plugins.Denied},
		},
		Mutations: []plugintest.Mutation{{
			Action: "exec.run", Input: json.RawMessage(fmt.Sprintf(`{"command": "touch", "args": [%q]}`, file)),
			State: func(*testing.T) string { b, _ := os.ReadFile(file); return string(b) },
		}},
	})
}
