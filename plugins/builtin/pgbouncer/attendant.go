package pgbouncer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firebreak-ops/firebreak/plugins"
)

// duty is what an attendant is told, on its standard input: a command line or
// an environment would show the password.
type duty struct {
	Console  string    `json:"console"` // its connection string
	Database string    `json:"database"`
	Until    time.Time `json:"until"`
}

// attendant is a process that ends a pause: when we let it go, when its time is
// over, or when we are gone. It has a session of its own, so that what kills us
// and our group does not kill it. If it is the one that is killed, we see it.
type attendant struct {
	hold io.Closer     // its standard input: closed by us, or by our end
	gone chan struct{} // closed when it has ended
	err  error         // how; read after gone
}

// startAttendant returns once the attendant is connected to the console and
// waits, which it has to do within that time. Nothing may be paused before.
func startAttendant(ctx context.Context, within time.Duration, args []string, d duty) (*attendant, error) {
	program, err := os.Executable()
	if runtime.GOOS == "linux" { // the one that runs, whatever is in its place by now
		program, err = "/proc/self/exe", nil
	}
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, args...) // it is there to outlive us
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	a := &attendant{hold: in, gone: make(chan struct{})}
	said := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n') // none where it failed
		said <- strings.TrimSpace(line)
		a.err = cmd.Wait()
		close(a.gone)
	}()
	if err := json.NewEncoder(in).Encode(d); err != nil {
		return nil, errors.Join(err, a.end(ctx))
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	select {
	case line := <-said:
		if line != ready {
			return nil, errors.Join(fmt.Errorf("it is not ready: %s", line), a.end(ctx))
		}
		return a, nil
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), a.end(ctx))
	}
}

// end has it end the pause, and returns when it has, or when ctx ends.
func (a *attendant) end(ctx context.Context) error {
	_ = a.hold.Close() // that it is closed already is as good
	select {
	case <-a.gone:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ready is what an attendant prints when it is.
const ready = "ready"

// Attend is what an attendant does: it is the whole of that process's main.
// It reads its duty from in, says on out that it is ready, and blocks until in
// ends, the time is over, or it is asked to end. Then it ends the pause, and
// goes on trying for as long as the console cannot be reached.
func Attend(in io.Reader, out io.Writer) error { return attend(in, out, usualLimits()) }

func attend(in io.Reader, out io.Writer, within limits) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	lines := bufio.NewReader(in)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return nil // whoever wanted it is gone, and has paused nothing
	}
	var d duty
	if err := json.Unmarshal(line, &d); err != nil {
		return errors.New("this is no duty") // it may hold a password
	}
	at, err := parseDSN("", "console", d.Console)
	if err != nil {
		return err
	}
	c := newConsole(at.Config, within.try)
	defer c.close()
	if err := c.do(ctx, knock); err != nil {
		fmt.Fprintln(out, classify(identity(at.Config), err).Reason)
		return err
	}
	if _, err := fmt.Fprintln(out, ready); err != nil {
		return nil // as above
	}
	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, lines) // an unreadable pipe means the same as its end
		close(gone)
	}()
	over := time.NewTimer(time.Until(d.Until))
	defer over.Stop()
	select {
	case <-gone:
	case <-over.C:
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), resumeFor)
	defer cancel()
	return resumed(ctx, c, d.Database)
}

// resumeFor is how long RESUME is tried: longer than a pooler is away that is
// started again, which ends every pause.
const resumeFor = 5 * time.Minute

// resumed ends the pause of a database, and tries until ctx ends.
func resumed(ctx context.Context, c *console, database string) error {
	for {
		err := resume(ctx, c, database)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// resume ends the pause of a database, if there is one.
func resume(ctx context.Context, c *console, database string) error {
	return c.do(ctx, func(ctx context.Context, conn *pgconn.PgConn) error {
		is, err := isPaused(ctx, conn, database)
		if err != nil || !is {
			return err
		}
		return command(ctx, conn, "RESUME "+quoted(database))
	})
}

func isPaused(ctx context.Context, conn *pgconn.PgConn, database string) (bool, error) {
	rows, err := show(ctx, conn, "DATABASES")
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		if r["name"] == database {
			return r.int("paused") == 1, nil
		}
	}
	return false, plugins.Fail(plugins.NotFound, "PgBouncer has no database %s that clients can name", database)
}

// quoted is a name as the console reads it.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
