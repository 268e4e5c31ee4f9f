package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/client"
)

// crashEnv makes the owner kill itself with SIGKILL: before:N just before its
// Nth transaction, after:N when that is durable and nothing has come of it;
// intended:PATH when the intent of that step is.
const crashEnv = "FIREBREAK_TEST_CRASH"

// crash is a journal that kills the process at one of its transactions.
type crash struct {
	local.Journal
	after  bool
	at     int
	intent string // path of a step

	mu sync.Mutex
	n  int
}

func newCrash(j local.Journal, spec string) *crash {
	when, n, _ := strings.Cut(spec, ":")
	if when == "intended" {
		return &crash{Journal: j, after: true, intent: n}
	}
	at, err := strconv.Atoi(n)
	if err != nil || when != "before" && when != "after" {
		panic(crashEnv + "=" + spec)
	}
	return &crash{Journal: j, after: when == "after", at: at}
}

func (c *crash) Append(ctx context.Context, b local.Batch) error {
	c.mu.Lock()
	c.n++
	mine := c.n == c.at || slices.ContainsFunc(b.Records, func(rec engine.Record) bool {
		intent, ok := rec.Event.(engine.Intended)
		return ok && intent.Path == c.intent
	})
	c.mu.Unlock()
	if mine && !c.after {
		die()
	}
	err := c.Journal.Append(ctx, b)
	if mine && err == nil {
		die()
	}
	return err
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// TestCrash kills the owner of a run with SIGKILL at each of its transactions,
// before and after it is durable, and resumes the run. It ends as it does
// undisturbed; what nobody can know is asked, and answered by what is there:
// a command that did not run is not run on a guess, and the run fails clean.
// No command runs twice, no setting is written twice, nothing recorded is
// lost, and no process is left.
func TestCrash(t *testing.T) {
	template := crashTemplate(t)
	for _, book := range []struct {
		name  string
		word  engine.Word
		value string   // of the setting in the end
		log   []string // of the settings' repository, the newest first
		when  []string
		from  int // the first transaction; before it both runbooks are alike
	}{
		{"cured", engine.Succeeded, "50", []string{"Set db.pool.idle to 7", "Roll back db.pool.max to 50"}, []string{"after"}, 13},
		{"hopeless", engine.FailedDirty, "20", []string{"Undo: set db.pool.max to 20", "Undo: set db.pool.idle to 5", "Set db.pool.idle to 7", "Roll back db.pool.max to 50"}, []string{"before", "after"}, 1},
	} {
		t.Run(book.name, func(t *testing.T) {
			for _, when := range book.when {
				for first := book.from; first < book.from+2; first++ { // odd and even side by side
					t.Run(fmt.Sprintf("%s %d", when, first), func(t *testing.T) {
						t.Parallel()
						k := first
						for ; ; k += 2 {
							c := newCrashCase(t, template, book.name)
							if killed := c.crashed(fmt.Sprintf("%s:%d", when, k)); !killed {
								break
							}
							before := c.journal()
							c.resumed()
							c.check(k, before, book.word, book.value, book.log)
						}
						if k < 15 {
							t.Errorf("the run has less than %d transactions: it is not what this test is for", k)
						}
					})
				}
			}
		})
	}
	t.Run("doubt", func(t *testing.T) {
		c := newCrashCase(t, template, "hopeless")
		if !c.crashed("intended:cure/note") {
			t.Fatal("it was not killed")
		}
		before := c.journal()
		c.resumed()
		if c.doubts != 1 || !c.never {
			t.Errorf("%d things were in doubt, and the command had not run: %t", c.doubts, c.never)
		}
		c.check(0, before, engine.FailedClean, "20", []string{"Undo: set db.pool.max to 20", "Roll back db.pool.max to 50"})
	})
	nothingLeft(t)
}

// crashTemplate makes the folder that every case begins with.
func crashTemplate(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "crash"))); err != nil {
		t.Fatal(err)
	}
	if err := settingsRepo(filepath.Join(dir, "repo"), []string{"50\n    idle: 5", "20\n    idle: 5"}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// crashCase is one run that is killed, and resumed.
type crashCase struct {
	t      *testing.T
	dir    string
	book   string
	doubts int  // how many things nobody knew
	never  bool // the command had not run
}

func newCrashCase(t *testing.T, template, book string) *crashCase {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(template)); err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"WORK": dir, "ME": me.Username}
	if err := fill(filepath.Join(dir, "firebreak.yaml"), func(name string) string { return values[name] }); err != nil {
		t.Fatal(err)
	}
	return &crashCase{t: t, dir: dir, book: book}
}

func (c *crashCase) state() string { return filepath.Join(c.dir, "state.db") }

// crashed starts the run and reports whether it was killed on the way.
func (c *crashCase) crashed(spec string) bool {
	p := c.firebreak(spec, "run", c.book)
	c.attend(p)
	code, err := p.wait(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	return code == -1
}

// resumed goes on with the run until it has ended.
func (c *crashCase) resumed() {
	p := c.firebreak("", "resume")
	c.attend(p)
	if _, err := p.wait(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crashCase) firebreak(spec string, args ...string) *process {
	c.t.Helper()
	path, err := exec.LookPath("firebreak")
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(path, append(args, "--json")...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "FIREBREAK_STATE="+c.state(), "HOME="+c.dir, "FIREBREAK_RUNBOOKS="+c.dir)
	if spec != "" {
		cmd.Env = append(cmd.Env, crashEnv+"="+spec)
	}
	p, err := startProcess(cmd)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(p.end)
	return p
}

var asked = regexp.MustCompile(`"kind":"question_opened","run":"([^"]+)"`)

// attend answers what the process asks until it has ended.
func (c *crashCase) attend(p *process) {
	owner := client.New(server.SocketPath(c.state()))
	defer owner.Close()
	for {
		line, err := p.await(c.t.Context(), asked)
		if err != nil {
			return // it has ended, or wait will say that it does not
		}
		view, err := owner.Run(c.t.Context(), line[1])
		if err != nil {
			continue // killed meanwhile
		}
		for _, q := range view.Questions {
			choice := engine.ChoiceApprove
			switch q.Kind {
			case engine.AskVerdict:
				choice = engine.ChoiceUndo // as it does by itself where the kill has not cost it samples
			case engine.AskDoubt:
				c.doubts++
				choice = c.truth(q)
				c.never = c.never || choice == engine.ChoiceNot && !q.Undo
			}
			if err := answer(c.t.Context(), owner, view.ID, q, choice, "", ""); err != nil && alive(p.cmd.Process.Pid) {
				c.t.Logf("answer %s: %v", q.ID, err)
			}
		}
	}
}

// truth is what a person finds who looks whether a change has happened.
func (c *crashCase) truth(q engine.Question) string {
	happened := len(c.notes()) > 0
	if q.Undo {
		setting := map[string]string{"cure/rollback": "db.pool.max", "cure/tune": "db.pool.idle"}[q.Path]
		happened = slices.ContainsFunc(c.commits(), func(title string) bool { return strings.HasPrefix(title, "Undo: set "+setting) })
	}
	if happened {
		return engine.ChoiceHappened
	}
	return engine.ChoiceNot
}

// commits are the titles of what was written to the settings, the newest
// first.
func (c *crashCase) commits() []string {
	c.t.Helper()
	out, err := exec.Command("git", "-C", filepath.Join(c.dir, "repo"), "log", "--format=%s").Output()
	if err != nil {
		c.t.Fatal(err)
	}
	titles := strings.Split(strings.TrimSpace(string(out)), "\n")
	for i, title := range titles {
		titles[i], _, _ = strings.Cut(title, " (was ")
	}
	return titles[:len(titles)-2] // without what was there before
}

// value is what the setting db.pool.max is now.
func (c *crashCase) value() string {
	c.t.Helper()
	out, err := exec.Command("git", "-C", filepath.Join(c.dir, "repo"), "show", "main:api/pool.yaml").Output()
	if err != nil {
		c.t.Fatal(err)
	}
	return regexp.MustCompile(`max: (\d+)`).FindStringSubmatch(string(out))[1]
}

// notes are the lines that the command has written.
func (c *crashCase) notes() []string {
	text, err := os.ReadFile(filepath.Join(c.dir, "notes"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		c.t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// journal is every record, to the byte.
func (c *crashCase) journal() []string {
	c.t.Helper()
	store, err := sqlite.Open(c.t.Context(), c.state()) // as its owner, so that nobody writes meanwhile
	if err != nil {
		c.t.Fatal(err)
	}
	defer store.Close()
	db, err := sql.Open("sqlite", c.state())
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(c.t.Context(), "SELECT run, seq, at, kind, data FROM events ORDER BY run, seq")
	if err != nil {
		c.t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var run, kind, data string
		var seq, at int64
		if err := rows.Scan(&run, &seq, &at, &kind, &data); err != nil {
			c.t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %d %s %s %s", run, seq, time.Unix(0, at).UTC(), kind, data))
	}
	if err := rows.Err(); err != nil {
		c.t.Fatal(err)
	}
	return all
}

// check compares what came of it with the undisturbed run.
func (c *crashCase) check(k int, recorded []string, word engine.Word, value string, log []string) {
	c.t.Helper()
	now := c.journal()
	if len(now) < len(recorded) || !slices.Equal(now[:len(recorded)], recorded) {
		c.t.Errorf("%d: the records before the kill are not what they were:\n%s\nnow:\n%s", k, strings.Join(recorded, "\n"), strings.Join(now, "\n"))
	}
	if len(recorded) == 0 { // killed before it was durable that there is a run
		word, value, log = "", "20", nil
	}
	wrote := 1
	switch {
	case len(recorded) == 0:
		wrote = 0
	case c.never: // what is not repeated on a guess has failed
		word, value, wrote = engine.FailedClean, "20", 0
		log = []string{"Undo: set db.pool.max to 20", "Roll back db.pool.max to 50"}
	}
	ended := regexp.MustCompile(` run_ended \{"word":"([a-z_]+)"`).FindStringSubmatch(strings.Join(now, "\n"))
	if got := ""; word != "" {
		if ended != nil {
			got = ended[1]
		}
		if got != string(word) {
			c.t.Errorf("%d: the run ended %q, not %q:\n%s", k, got, word, strings.Join(now, "\n"))
		}
	}
	if notes := c.notes(); len(notes) != wrote {
		c.t.Errorf("%d: the command wrote %q", k, notes)
	}
	if got := c.commits(); !slices.Equal(got, log) {
		c.t.Errorf("%d: commits %q, not %q", k, got, log)
	}
	if got := c.value(); got != value {
		c.t.Errorf("%d: the setting is %s, not %s", k, got, value)
	}
}
