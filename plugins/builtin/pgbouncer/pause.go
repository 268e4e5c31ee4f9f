package pgbouncer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// longestPause is as long as clients are ever made to wait.
const longestPause = 10 * time.Minute

func pauseOf(call plugins.Call) (capability.PauseInput, error) {
	if len(call.Receipt) > 0 {
		return capability.PauseInput{}, plugins.Fail(plugins.Invalid, "%s takes no receipt: what a pause is undone by is %s", actionPause, actionResume)
	}
	in, err := capability.Input[capability.PauseInput](call.Action, call.Input)
	switch {
	case err != nil:
	case in.For <= 0, in.DrainWithin <= 0, in.For.Std()+in.DrainWithin.Std() > longestPause:
		err = plugins.Fail(plugins.Invalid, "for and drain_within: give each some time, and no more than %s together", longestPause)
	}
	return in, err
}

func pauseFingerprint(database string, paused bool) string {
	return plugins.Fingerprint(map[string]any{"database": database, "paused": paused})
}

// paused asks whether a database is.
func (b *bound) paused(ctx context.Context, database string) (is bool, err error) {
	err = b.console.do(ctx, func(ctx context.Context, conn *pgconn.PgConn) (err error) {
		is, err = isPaused(ctx, conn, database)
		return err
	})
	if err != nil {
		return false, classify(b.resource, err)
	}
	return is, nil
}

func (b *bound) planPause(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	in, err := pauseOf(call)
	if err != nil {
		return plugins.Plan{}, err
	}
	is, err := b.read(ctx)
	if err != nil {
		return plugins.Plan{}, err
	}
	paused, err := b.paused(ctx, in.Database)
	if err != nil {
		return plugins.Plan{}, err
	}
	binding, err := plugins.Canonical(capability.PauseBinding{Resource: b.resource, Database: in.Database, For: in.For, DrainWithin: in.DrainWithin})
	if err != nil {
		return plugins.Plan{}, err
	}
	undo, err := json.Marshal(capability.PauseReceipt{Database: in.Database})
	blast := plugins.BlastRadius{Unit: "clients"}
	for _, p := range is.poolList() {
		blast.Total += p.Active + p.Waiting
		if p.Database == in.Database {
			blast.Affected += p.Active + p.Waiting
		}
	}
	detail := fmt.Sprintf("PAUSE %s: what is under way may end within %s, else nothing stays paused; then its server connections are closed and its clients, %d now, wait, for %s at most\n", in.Database, in.DrainWithin, blast.Affected, in.For)
	detail += "it ends by itself then, and at once when firebreak ends or is killed; only where the whole machine, or container, of firebreak dies, somebody has to say RESUME"
	if paused {
		detail = in.Database + " is paused already, by somebody else: refused unless that has ended by then"
	}
	return plugins.Plan{Binding: binding, Detail: detail, Fingerprint: pauseFingerprint(in.Database, paused), BlastRadius: blast, Undo: undo, Resource: b.resource}, err
}

// pause has an attendant ready first, and pauses then. Whatever goes wrong
// after that, letting the attendant go puts it right.
func (b *bound) pause(ctx context.Context, call plugins.Call) plugins.Outcome {
	in, err := pauseOf(call)
	if err == nil {
		err = b.mayMutate(call.Action)
	}
	var is bool
	if err == nil {
		is, err = b.paused(ctx, in.Database)
	}
	switch {
	case err != nil:
		return failed(err)
	case call.Expect != "" && call.Expect != pauseFingerprint(in.Database, is):
		return failed(plugins.Fail(plugins.Drift, "%s of %s was paused or resumed since this was planned; look again", in.Database, b.resource))
	case is:
		return failed(plugins.Fail(plugins.Conflict, "%s of %s is paused already, by somebody else, who may count on it; %s ends it", in.Database, b.resource, actionResume))
	}
	until := time.Now().Add(in.DrainWithin.Std() + in.For.Std()).UTC()
	a, err := startAttendant(ctx, b.within.arm, b.attend, duty{Console: b.login.text, Database: in.Database, Until: until})
	if err != nil {
		return failed(plugins.Fail(plugins.Unavailable, "nothing was paused, since nobody would be there to end it: the attendant: %v", err))
	}
	if err := b.drain(ctx, call.Stop, in); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.within.answer)
		defer cancel()
		f := classify(b.resource, err)
		if left := a.end(ctx); left != nil {
			f.Reason += fmt.Sprintf("; whether %s goes on is not known (%v)", in.Database, left)
			return plugins.Outcome{Failure: f, Applied: plugins.Unknown}
		}
		return failed(f)
	}
	b.attendedBy(in.Database, a) //nolint:contextcheck // it lasts longer than the call
	return succeeded(plugins.All,
		capability.PauseOutput{Observed: b.observed(), Database: in.Database, Until: until},
		capability.PauseReceipt{Database: in.Database, Until: until})
}

// drain sends PAUSE, which is answered once all is quiet.
func (b *bound) drain(ctx context.Context, stop <-chan struct{}, in capability.PauseInput) error {
	ctx, cancel := context.WithTimeout(ctx, in.DrainWithin.Std())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		// It waits, and so has a connection to itself.
		conn, err := pgconn.ConnectConfig(ctx, b.login.Config)
		if err == nil {
			err = command(ctx, conn, "PAUSE "+quoted(in.Database))
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			_ = conn.Close(end) // it is given up either way
			cancel()
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil && ctx.Err() != nil {
			return plugins.Fail(plugins.Timeout, "what was under way on %s did not end within %s, so that it is not paused; end the oldest transactions, or give drain_within more", in.Database, in.DrainWithin)
		}
		return err
	case <-stop:
		cancel()
		<-done //nolint:errcheck // it was cut
		return plugins.Fail(plugins.Cancelled, "stopped before %s was quiet; it is not paused", in.Database)
	}
}

// attendedBy keeps the attendant. Without one nothing stays paused: if it dies
// before its time, we do what it was there for.
func (b *bound) attendedBy(database string, a *attendant) {
	b.mu.Lock()
	b.attendant[database] = a
	b.mu.Unlock()
	b.loop.Go(func() {
		<-a.gone
		if a.err != nil {
			ctx, cancel := context.WithTimeout(b.life, resumeFor)
			defer cancel()
			_ = resumed(ctx, b.console, database) // there is nobody to tell
		}
	})
}

// leave takes an attendant that is kept; nil if there is none.
func (b *bound) leave(database string) *attendant {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.attendant[database]
	delete(b.attendant, database)
	return a
}

// release ends every pause of ours.
func (b *bound) release() {
	ctx, cancel := context.WithTimeout(context.Background(), b.within.answer)
	defer cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.attendant {
		_ = a.end(ctx) // it goes on trying without us
	}
}

func resumeOf(call plugins.Call) (string, error) {
	if len(call.Receipt) > 0 {
		var r capability.PauseReceipt
		if err := json.Unmarshal(call.Receipt, &r); err != nil || r.Database == "" {
			return "", plugins.Fail(plugins.Invalid, "this is no receipt of %s: %s", actionPause, call.Receipt)
		}
		return r.Database, nil
	}
	in, err := capability.Input[capability.ResumeInput](call.Action, call.Input)
	return in.Database, err
}

func (b *bound) planResume(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	database, err := resumeOf(call)
	if err != nil {
		return plugins.Plan{}, err
	}
	paused, err := b.paused(ctx, database)
	if err != nil {
		return plugins.Plan{}, err
	}
	binding, err := plugins.Canonical(map[string]string{"resource": b.resource, "database": database})
	p := plugins.Plan{Binding: binding, Resource: b.resource, Detail: database + " is not paused: nothing to do", BlastRadius: plugins.BlastRadius{Unit: "databases"}}
	if paused {
		p.Detail, p.BlastRadius.Affected = "RESUME "+database+": those of its clients that wait are served again", 1
	}
	return p, err
}

// resume ends a pause: through its attendant where it is ours, so that the two
// of us do not end another one.
func (b *bound) resume(ctx context.Context, call plugins.Call) plugins.Outcome {
	database, err := resumeOf(call)
	if err == nil {
		err = b.mayMutate(call.Action)
	}
	var was bool
	if err == nil {
		was, err = b.paused(ctx, database)
	}
	if err != nil {
		return failed(err)
	}
	if a := b.leave(database); a != nil {
		err = a.end(ctx)
	}
	if again := resume(ctx, b.console, database); again != nil {
		return after(was, classify(b.resource, errors.Join(err, again)))
	}
	applied := plugins.None
	if was {
		applied = plugins.All
	}
	return succeeded(applied, capability.ResumeOutput{Observed: b.observed(), Database: database, WasPaused: was}, nil)
}

// probePause looks whether the database is paused now: of a call that was lost
// with its plugin nothing stays so, as its attendant saw to it.
func (b *bound) probePause(ctx context.Context, undo json.RawMessage) plugins.Probed {
	var planned capability.PauseReceipt
	if err := json.Unmarshal(undo, &planned); err != nil || planned.Database == "" {
		return plugins.Probed{Applied: plugins.Unknown, Reason: "there is no plan of " + actionPause + " to compare with"}
	}
	is, err := b.paused(ctx, planned.Database)
	if err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
	}
	p := plugins.Probed{Applied: plugins.None, Reason: planned.Database + " is not paused"}
	if is {
		p.Applied, p.Receipt, p.Reason = plugins.All, undo, planned.Database+" is paused"
	}
	return p
}
