package postgres

import (
	"testing"
	"time"
)

func worked(at time.Duration, commits, rows int64, sessions *int64) throughput {
	return throughput{at: time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC).Add(at), commits: commits, rollbacks: commits / 10, rows: rows, sessions: sessions}
}

func TestTrafficSince(t *testing.T) {
	before := worked(0, 100, 1000, new(int64(5)))
	d := worked(10*time.Second, 200, 6000, new(int64(25))).since(before)
	if d == nil || d.CommitsRPS != 10 || d.RollbacksRPS != 1 || *d.SessionsRPS != 2 || d.AbandonedRPS != nil || *d.RowsPerCommit != 50 {
		t.Errorf("traffic %+v", d)
	}
	if d := worked(10*time.Second, 100, 6000, nil).since(before); d == nil || d.RowsPerCommit != nil || d.SessionsRPS != nil {
		t.Errorf("without commits and sessions %+v", d)
	}
	if d := worked(10*time.Second, 5, 5, nil).since(before); d != nil {
		t.Errorf("after a reset of the statistics %+v", d)
	}
	if d := worked(time.Second, 200, 6000, nil).since(before); d != nil {
		t.Errorf("of one second %+v", d)
	}
}

// TestUsualSessions holds that how many sessions there were, and rested, is of
// before the trouble, and so is the limit.
func TestUsualSessions(t *testing.T) {
	var p past
	for i := range 20 {
		s := worked(time.Duration(i)*time.Second, int64(i)*100, int64(i)*1000, nil)
		s.clients, s.resting, s.most = 20, 8, 60
		if i > 12 {
			s.clients, s.resting, s.most = 6, 0, 25
		}
		p = p.with(s)
	}
	if u := p.usual(); u == nil || *u.Sessions != 20 || *u.Resting != 8 || *u.Max != 60 {
		t.Errorf("usual %+v", u)
	}
	if n := p.now(p[len(p)-1]); n == nil || *n.Sessions != 6 || *n.Resting != 0 || *n.Max != 25 {
		t.Errorf("now %+v", n)
	}
}

// TestUsual holds that some minutes of trouble do not become what is usual.
func TestUsual(t *testing.T) {
	var p past
	commits, rows := int64(0), int64(0)
	for i := range 90 {
		per := int64(50)
		if i > 70 {
			per = 5000
		}
		commits += 1000
		rows += 1000 * per
		p = p.with(worked(time.Duration(i)*10*time.Second, commits, rows, nil))
		if i == 3 && p.usual() != nil {
			t.Error("one interval is a past to compare with")
		}
	}
	if u := p.usual(); u == nil || *u.RowsPerCommit != 50 || u.CommitsRPS != 100 || u.SessionsRPS != nil {
		t.Errorf("usual %+v", u)
	}
	last := worked(890*time.Second+time.Second, commits+100, rows+100*5000, nil)
	if n := p.now(last); n == nil || *n.RowsPerCommit != 5000 || n.To.Sub(n.From) != 11*time.Second {
		t.Errorf("now %+v", n)
	}
	if n := p.with(worked(time.Hour, 0, 0, nil)); len(n) != 1 {
		t.Errorf("an hour later %d samples are kept", len(n))
	}
	if n := (past{}).now(last); n != nil {
		t.Errorf("without a past %+v", n)
	}
}
