package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// Token is what somebody proves with who they are, without its secret.
type Token struct {
	ID        string
	Hash      []byte // SHA-256 of the secret
	Holder    string
	May       []string
	MadeBy    string
	MadeAt    time.Time
	ExpiresAt time.Time
	RevokedAt time.Time // zero: it is not
}

// AddToken stores a token, and that somebody has made it, and returns when
// that is durable.
func (s *Store) AddToken(ctx context.Context, t Token, a Act) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var there bool
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM tokens WHERE id = ?`, t.ID).Scan(&there); err != nil {
			return err
		}
		if there {
			return refused{local.NewError(local.ClassRefused, "there is a token "+t.ID+" already", "choose another name", nil)}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO tokens (id, hash, holder, may, made_by, made_at, expires_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?, ?, 0)`,
			t.ID, t.Hash, t.Holder, strings.Join(t.May, ","), t.MadeBy, nanos(t.MadeAt), nanos(t.ExpiresAt)); err != nil {
			return err
		}
		return s.acting(a)(ctx, tx)
	})
}

// RevokeToken makes a token useless at once and for ever, and stores that
// somebody has. One that is revoked already stays so.
func (s *Store) RevokeToken(ctx context.Context, id string, a Act) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var revoked int64
		err := tx.QueryRowContext(ctx, `SELECT revoked_at FROM tokens WHERE id = ?`, id).Scan(&revoked)
		if errors.Is(err, sql.ErrNoRows) {
			return refused{noToken(id)}
		}
		if err != nil || revoked != 0 {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE tokens SET revoked_at = ? WHERE id = ?`, nanos(a.At), id); err != nil {
			return err
		}
		return s.acting(a)(ctx, tx)
	})
}

func noToken(id string) error {
	return local.NewError(local.ClassNotFound, "there is no token "+id, "`firebreak tokens list` lists them", nil)
}

// Token returns a token, or an error of class not_found.
func (s *Store) Token(ctx context.Context, id string) (Token, error) {
	var all []Token
	var err error
	if id != "" {
		all, err = s.tokens(ctx, id)
	}
	if err == nil && len(all) == 0 {
		return Token{}, noToken(id)
	}
	if err != nil {
		return Token{}, err
	}
	return all[0], nil
}

// Tokens lists tokens, those that are no longer good included, the newest
// first.
func (s *Store) Tokens(ctx context.Context) ([]Token, error) {
	return s.tokens(ctx, "")
}

// tokens returns one, or, without an id, all of them.
func (s *Store) tokens(ctx context.Context, id string) (all []Token, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id, hash, holder, may, made_by, made_at, expires_at, revoked_at FROM tokens
		WHERE id = ?1 OR ?1 = '' ORDER BY made_at DESC, id`, id)
	if err != nil {
		return nil, explain("read the tokens in", s.path, err)
	}
	defer func() { err = explain("read the tokens in", s.path, errors.Join(err, rows.Close())) }()
	for rows.Next() {
		var t Token
		var may string
		var made, expires, revoked int64
		if err := rows.Scan(&t.ID, &t.Hash, &t.Holder, &may, &t.MadeBy, &made, &expires, &revoked); err != nil {
			return nil, err
		}
		t.May = strings.Split(may, ",")
		t.MadeAt, t.ExpiresAt, t.RevokedAt = moment(made), moment(expires), moment(revoked)
		all = append(all, t)
	}
	return all, rows.Err()
}
