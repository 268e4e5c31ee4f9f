package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts plays every story in testdata/script. A story has a folder of
// its own with what is in testdata/base (where $WORK and $ME are filled in),
// the state file, and the commands of a testscript, besides:
//
//	exits CODE [as:USER] COMMAND...       run it to its end: this is its exit code
//	start NAME [as:USER] COMMAND...       start it, and go on
//	waitfor NAME REGEXP                   wait for a line of it; named groups become variables
//	finish NAME CODE                      wait for its end
//	signal NAME INT|TERM|HUP|STOP|KILL
//	commits DIR VALUE...                  a repository of settings: a commit for each value of db.pool.max
//	expand FILE...                        fill in the variables that are written $NAME
//	shape                                 of the JSON lines in stdout: their types and keys, as stdout
//	sql STATEMENT                         change the state file behind everybody's back
//	certificate FILE KEY                  of 127.0.0.1, which is trusted with FILE
//	open-to USER                          let another user into the story's folder, as its owner
//
// With UPDATE_SCRIPTS=1 what is compared is written anew instead.
//
// Stories under the condition [root] need two users of the operating system:
// the owner of the state runs as nobody, and root answers from outside.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   filepath.Join("testdata", "script"),
		Setup: setupStory,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": cmdExits, "start": cmdStart, "waitfor": cmdWaitfor, "finish": cmdFinish, "signal": cmdSignal,
			"commits": cmdCommits, "expand": cmdExpand, "shape": cmdShape, "sql": cmdSQL, "open-to": cmdOpenTo, "certificate": cmdCertificate,
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("no condition %s", cond)
		},
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

type storyKey struct{}

// story is what a script has started.
type story struct {
	processes map[string]*process
}

func setupStory(env *testscript.Env) error {
	me, err := user.Current()
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"ME": me.Username, "HOME": env.WorkDir, "FIREBREAK_STATE": filepath.Join(env.WorkDir, "state.db"), "NO_COLOR": "1",
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1",
	} {
		env.Setenv(name, value)
	}
	s := &story{processes: map[string]*process{}}
	env.Values[storyKey{}] = s
	env.Defer(func() {
		for _, p := range s.processes {
			p.end()
		}
	})
	base := filepath.Join("testdata", "base")
	if err := os.CopyFS(env.WorkDir, missing{os.DirFS(base), env.WorkDir}); err != nil {
		return err
	}
	return fill(filepath.Join(env.WorkDir, "firebreak.yaml"), env.Getenv)
}

// variable is how a value is written into a file of a story; ${{ is the
// runbooks' own.
var variable = regexp.MustCompile(`\$[A-Z][A-Z0-9_]*`)

func fill(file string, value func(string) string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text = variable.ReplaceAllFunc(text, func(name []byte) []byte { return []byte(value(string(name[1:]))) })
	return os.WriteFile(file, text, 0o644)
}

func storyOf(ts *testscript.TestScript) *story { return ts.Value(storyKey{}).(*story) }

// command makes [as:USER] COMMAND... a process that is to be started.
func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	as := ""
	if len(args) > 0 {
		if name, ok := strings.CutPrefix(args[0], "as:"); ok {
			as, args = name, args[1:]
		}
	}
	if len(args) == 0 {
		ts.Fatalf("there is no command")
	}
	path, err := exec.LookPath(args[0])
	ts.Check(err)
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.Getenv("WORK")
	cmd.Env = os.Environ() // what is set twice counts as it is set last
	for _, name := range []string{"HOME", "FIREBREAK_STATE", "FIREBREAK_CONFIG", "FIREBREAK_RUNBOOKS", "XDG_STATE_HOME", "NO_COLOR", "TMPDIR", "FIREBREAK_SERVER", "FIREBREAK_SERVER_CA", "FIREBREAK_TOKEN"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	if as != "" {
		ts.Check(become(cmd, as))
	}
	return cmd
}

// become makes a command run as another user.
func become(cmd *exec.Cmd, name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	own := filepath.Join(cmd.Dir, ".bin", filepath.Base(cmd.Path)) // where open-to has put it
	cmd.Args[0], cmd.Path = filepath.Base(cmd.Path), own
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return nil
}

// cmdExits runs a command and checks its exit code.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE [as:USER] COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	cmd := command(ts, args[1:])
	cmd.SysProcAttr = orNew(cmd.SysProcAttr)
	dieWithParent(cmd.SysProcAttr)
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	err = cmd.Run()
	if cmd.ProcessState == nil {
		ts.Fatalf("start %s: %v", cmd, err)
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		ts.Fatalf("exit code %d (%s), not %d (%s)", code, exitCode(code), want, exitCode(want))
	}
}

func orNew(a *syscall.SysProcAttr) *syscall.SysProcAttr {
	if a == nil {
		return &syscall.SysProcAttr{}
	}
	return a
}

func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME [as:USER] COMMAND...")
	}
	p, err := startProcess(command(ts, args[1:]))
	ts.Check(err)
	if old := storyOf(ts).processes[args[0]]; old != nil {
		old.end()
	}
	storyOf(ts).processes[args[0]] = p
}

func started(ts *testscript.TestScript, name string) *process {
	p := storyOf(ts).processes[name]
	if p == nil {
		ts.Fatalf("nothing was started as %s", name)
	}
	return p
}

func cmdWaitfor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor NAME REGEXP")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	match, err := started(ts, args[0]).await(context.Background(), pattern)
	ts.Check(err)
	for i, name := range pattern.SubexpNames() {
		if name != "" {
			ts.Setenv(name, match[i])
		}
	}
}

func cmdFinish(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: finish NAME CODE")
	}
	p := started(ts, args[0])
	code, err := p.wait(context.Background())
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), p.said())
	if args[1] != strconv.Itoa(code) {
		ts.Fatalf("exit code %d (%s), not %s", code, exitCode(code), args[1])
	}
}

func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "STOP": syscall.SIGSTOP, "KILL": syscall.SIGKILL}
	if neg || len(args) != 2 || signals[args[1]] == nil {
		ts.Fatalf("usage: signal NAME INT|TERM|HUP|STOP|KILL")
	}
	ts.Check(started(ts, args[0]).cmd.Process.Signal(signals[args[1]]))
}

func cmdCommits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: commits DIR VALUE...")
	}
	ts.Check(settingsRepo(ts.MkAbs(args[0]), args[1:]))
}

// settingsRepo makes a repository with a commit for each value of db.pool.max.
func settingsRepo(dir string, values []string) error {
	git := func(args ...string) error {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=dev", "-c", "user.email=dev@example.com"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", cmd, err, out)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Join(dir, "api"), 0o755); err != nil {
		return err
	}
	if err := git("init", "-q", "-b", "main"); err != nil {
		return err
	}
	for i, value := range values {
		text := "db:\n  pool:\n    max: " + value + "\n"
		if err := os.WriteFile(filepath.Join(dir, "api", "pool.yaml"), []byte(text), 0o644); err != nil {
			return err
		}
		if err := errors.Join(git("add", "."), git("commit", "-q", "-m", fmt.Sprintf("Pool %d: %s", i+1, value))); err != nil {
			return err
		}
	}
	return nil
}

func cmdExpand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: expand FILE...")
	}
	for _, file := range args {
		ts.Check(fill(ts.MkAbs(file), ts.Getenv))
	}
}

// cmdShape prints the type and the keys of each kind of JSON line in stdout.
func cmdShape(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: shape")
	}
	keys := map[string]map[string]bool{}
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			ts.Fatalf("not a line of JSON: %s", line)
		}
		kind, _ := v["type"].(string)
		if kind == "log" || kind == "progress" {
			continue // said while it goes on, if the reader is quick enough
		}
		if keys[kind] == nil {
			keys[kind] = map[string]bool{}
		}
		for k := range v {
			keys[kind][k] = true
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(keys)) {
		fmt.Fprintf(ts.Stdout(), "%s: %s\n", kind, strings.Join(slices.Sorted(maps.Keys(keys[kind])), " "))
	}
}

func cmdSQL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sql STATEMENT")
	}
	db, err := sql.Open("sqlite", ts.Getenv("FIREBREAK_STATE"))
	ts.Check(err)
	defer db.Close()
	_, err = db.ExecContext(context.Background(), args[0])
	ts.Check(err)
}

func cmdCertificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: certificate FILE KEY")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	now := time.Now()
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	for i, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: cert}, {Type: "PRIVATE KEY", Bytes: private}} {
		ts.Check(os.WriteFile(ts.MkAbs(args[i]), pem.EncodeToMemory(block), 0o600))
	}
}

// cmdOpenTo gives the story's folder to another user, with a copy of the
// commands that this user can execute.
func cmdOpenTo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: open-to USER")
	}
	u, err := user.Lookup(args[0])
	ts.Check(err)
	work := ts.Getenv("WORK")
	bin := filepath.Join(work, ".bin")
	ts.Check(os.Mkdir(bin, 0o755))
	path, err := exec.LookPath("firebreak")
	ts.Check(err)
	ts.Check(os.Link(path, filepath.Join(bin, "firebreak")))
	ts.Check(exec.Command("chown", "-R", u.Uid+":"+u.Gid, work).Run())
	ts.Check(os.Chmod(work, 0o755))
	ts.Check(os.Chmod(filepath.Dir(work), 0o711)) // all stories' folder
}
