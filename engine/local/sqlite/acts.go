package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Act is something that a person has done which is no run's business: making
// a token, reading the runbooks anew.
type Act struct {
	N    int64 // given by the state, from 1 without gaps
	At   time.Time
	Kind string
	By   string
	Text string // a sentence for people
}

// act is what is stored of one, as JSON.
type act struct {
	By   string `json:"by"`
	Text string `json:"text"`
}

// ofActs is what acts have in the log in place of a run's id. They are a chain
// as the records of a run are.
const ofActs = ""

// Act stores what somebody has done and returns when that is durable.
func (s *Store) Act(ctx context.Context, a Act) error { return s.do(ctx, s.acting(a)) }

// acting is the part of a transaction that stores an act.
func (s *Store) acting(a Act) writer {
	return func(ctx context.Context, tx *sql.Tx) error {
		r := row{seq: 1, at: nanos(a.At), kind: a.Kind}
		before := firstOf(ofActs)
		var last []byte
		err := tx.QueryRowContext(ctx, `SELECT n + 1, hash FROM acts ORDER BY n DESC LIMIT 1`).Scan(&r.seq, &last)
		if err == nil {
			before = toSum(last)
		} else if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if r.data, err = json.Marshal(act{By: a.By, Text: a.Text}); err != nil {
			return err
		}
		of := before.next(ofActs, r)
		if _, err := tx.ExecContext(ctx, `INSERT INTO acts (n, at, kind, data, hash) VALUES (?, ?, ?, ?, ?)`, r.seq, r.at, r.kind, r.data, of[:]); err != nil {
			return err
		}
		s.wrote = append(s.wrote, entry{run: ofActs, seq: r.seq, of: of})
		return nil
	}
}

// Acts lists what people have done, the last first; 0: no limit.
func (s *Store) Acts(ctx context.Context, limit int, after int64) (all []Act, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT n, at, kind, data FROM acts WHERE ?1 = 0 OR n < ?1 ORDER BY n DESC LIMIT ?2`, after, limited(limit))
	if err != nil {
		return nil, explain("read the acts in", s.path, err)
	}
	defer func() { err = explain("read the acts in", s.path, errors.Join(err, rows.Close())) }()
	for rows.Next() {
		var a Act
		var at int64
		var data []byte
		if err := rows.Scan(&a.N, &at, &a.Kind, &data); err != nil {
			return nil, err
		}
		var said act
		if err := json.Unmarshal(data, &said); err != nil {
			said.Text = fmt.Sprintf("act %d cannot be read: `firebreak audit verify` says what was changed", a.N)
		}
		a.At, a.By, a.Text = moment(at), said.By, said.Text
		all = append(all, a)
	}
	return all, rows.Err()
}

// limited is a limit as SQL has it.
func limited(limit int) int {
	if limit == 0 {
		return -1
	}
	return limit
}

// Head returns the head of the log, as [Reader.Head] does.
func (s *Store) Head(ctx context.Context) (head string, links int64, err error) {
	return (&Reader{path: s.path, db: s.read}).Head(ctx)
}

// verifyActs looks whether the acts are those that were written. said is nil
// where the log has none.
func (v *verifier) verifyActs(ctx context.Context, said *logged) error {
	if said == nil {
		said = &logged{}
	}
	prev, seq, known := firstOf(ofActs), 0, true
	err := v.query(ctx, func(rows *sql.Rows) error {
		var r row
		var stored []byte
		if err := rows.Scan(&r.seq, &r.at, &r.kind, &r.data, &stored); err != nil {
			return err
		}
		switch {
		case r.seq > said.last.seq:
			v.foundf(Inserted, "", r.seq, "there is an act %d; the log says that there are %d", r.seq, said.last.seq)
		case r.seq != seq+1:
			v.foundf(Missing, "", seq+1, "act %d is missing%s", seq+1, upTo(seq+1, r.seq-1))
			known = false
		}
		of := toSum(stored)
		if known && prev.next(ofActs, r) != of || r.seq == said.last.seq && of != said.last.of {
			v.foundf(Changed, "", r.seq, "act %d was changed, or the one before", r.seq)
		}
		prev, seq, known = of, r.seq, true
		return nil
	}, `SELECT n, at, kind, data, hash FROM acts ORDER BY n`)
	if err == nil && seq < said.last.seq {
		v.foundf(Missing, "", seq+1, "the acts end with number %d; the log says that there are %d", seq, said.last.seq)
	}
	return err
}
