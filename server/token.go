package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/service"
)

// Token is what the holder proves with who they are, as it is kept. What it is
// proved with is 256 random bits, which nobody guesses, so a plain SHA-256 of
// them is kept: a slow hash is for what people choose, and would let anybody
// who sends nonsense keep the machine busy.
type Token struct {
	ID        string
	Hash      [sha256.Size]byte
	Holder    string // a person of the configuration, or machine:NAME
	May       []Right
	MadeBy    string
	MadeAt    time.Time
	ExpiresAt time.Time
	RevokedAt time.Time // zero: it is not
}

// Tokens keeps tokens.
type Tokens interface {
	// Add keeps a token, durably. It refuses a holder who is nobody.
	Add(ctx context.Context, t Token) error
	// Find returns a token; the error is of class not_found when there is none,
	// or its holder is nobody any more.
	Find(ctx context.Context, id string) (Token, error)
	// All lists tokens, the newest first.
	All(ctx context.Context) ([]Token, error)
	// Revoke makes a token useless, durably.
	Revoke(ctx context.Context, id, by string) error
}

// TokenRequest asks for a token.
type TokenRequest struct {
	Person  string  `json:"person,omitempty"`  // of the configuration
	Machine string  `json:"machine,omitempty"` // instead of a person; a name
	May     []Right `json:"may"`
	Seconds float64 `json:"seconds"` // how long it is good
}

// TokenView is a token without what it is proved with.
type TokenView struct {
	ID        string    `json:"id"`
	Holder    string    `json:"holder"` // a person of the configuration, or machine:NAME
	May       []Right   `json:"may"`
	State     string    `json:"state"` // good, expired or revoked
	MadeBy    string    `json:"made_by"`
	MadeAt    time.Time `json:"made_at"`
	ExpiresAt time.Time `json:"expires_at"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
}

// MadeToken is a new token. Its text is nowhere else, now or later.
type MadeToken struct {
	TokenView

	Token string `json:"token"`
}

// Revoked names a token that is good no more.
type Revoked struct {
	Token string `json:"token"` // its id
}

// longestToken is how long a token may be good.
const longestToken = 366 * 24 * time.Hour

func (t Token) view(now time.Time) TokenView {
	v := TokenView{
		ID: t.ID, Holder: t.Holder, May: t.May, State: "good",
		MadeBy: t.MadeBy, MadeAt: t.MadeAt, ExpiresAt: t.ExpiresAt, RevokedAt: t.RevokedAt,
	}
	switch {
	case !t.RevokedAt.IsZero():
		v.State = "revoked"
	case !now.Before(t.ExpiresAt):
		v.State = "expired"
	}
	return v
}

// tokenText is how a token is written: so that people, and those who look for
// secrets where none should be, know one when they see it.
func tokenText(id, secret string) string { return "fb_" + id + "_" + secret }

// parseToken takes a token apart.
func parseToken(text string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(text, "fb_")
	if !ok {
		return "", "", false
	}
	id, secret, ok = strings.Cut(rest, "_")
	return id, secret, ok && id != "" && secret != ""
}

// makeToken makes a token.
func (s *Server) makeToken(r *http.Request, by Caller) (int, any, error) {
	req, err := read[TokenRequest](r)
	if err != nil {
		return 0, nil, err
	}
	now := s.cfg.Now().UTC().Truncate(time.Second)
	t := Token{Holder: req.Person, May: req.May, MadeBy: by.Person, MadeAt: now}
	if req.Machine != "" {
		t.Holder = MachinePrefix + req.Machine
	}
	life := time.Duration(req.Seconds * float64(time.Second))
	switch {
	case (req.Person == "") == (req.Machine == ""):
		return 0, nil, invalid("a token is of a person or of a machine")
	case req.Machine != "" && !service.IsName(req.Machine):
		return 0, nil, invalid("%q is no name of a machine: no role could name it; use at most 63 of a-z 0-9 . _ - and begin with a letter or digit", req.Machine)
	case len(req.May) == 0:
		return 0, nil, invalid("a token that may nothing is good for nothing")
	case life <= 0 || life > longestToken:
		return 0, nil, invalid("a token is good for a while, and for %d days at most", longestToken/(24*time.Hour))
	}
	for _, right := range req.May {
		if !slices.Contains(Rights(), right) {
			return 0, nil, invalid("there is no right %q", right)
		}
	}
	t.ExpiresAt = now.Add(life)
	secret := make([]byte, sha256.Size)
	_, _ = rand.Read(secret) // it never fails
	text := hex.EncodeToString(secret)
	t.ID, t.Hash = strings.ToLower(rand.Text()[:8]), sha256.Sum256([]byte(text))
	if err := s.cfg.Tokens.Add(r.Context(), t); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, MadeToken{TokenView: t.view(now), Token: tokenText(t.ID, text)}, nil
}

func (s *Server) listTokens(r *http.Request, _ Caller) (int, any, error) {
	all, err := s.cfg.Tokens.All(r.Context())
	views, now := make([]TokenView, 0, len(all)), s.cfg.Now()
	for _, t := range all {
		views = append(views, t.view(now))
	}
	return http.StatusOK, views, err
}

func (s *Server) revokeToken(r *http.Request, by Caller) (int, any, error) {
	id := r.PathValue("id")
	if err := s.cfg.Tokens.Revoke(r.Context(), id, by.Person); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, Revoked{Token: id}, nil
}

// unproven is the answer to who does not prove who they are.
func unproven(text, hint string) error {
	return &Problem{Text: text, Hint: hint, Class: classUnproven}
}

// byToken returns whose token a request carries. A request without one is
// nobody's: the zero Caller. It looks at no more wrong ones than the limit
// allows; see [strikes].
func (s *Server) byToken(r *http.Request) (Caller, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return Caller{}, nil
	}
	scheme, text, _ := strings.Cut(header, " ")
	id, secret, ok := parseToken(strings.TrimSpace(text))
	if !ok || !strings.EqualFold(scheme, "bearer") {
		id = ""
	}
	who := hostOf(r) + " token " + id
	if err := s.strikes.check(who, s.cfg.Now()); err != nil {
		return Caller{}, err
	}
	t, err := s.cfg.Tokens.Find(r.Context(), id)
	if err != nil && problem(err).Class != "not_found" {
		return Caller{}, err
	}
	sum := sha256.Sum256([]byte(secret))
	if err != nil || subtle.ConstantTimeCompare(sum[:], t.Hash[:]) != 1 {
		s.strikes.note(who, s.cfg.Now())
		return Caller{}, unproven("this token is none", tokenHint)
	}
	if v := t.view(s.cfg.Now()); v.State != "good" {
		return Caller{}, unproven(fmt.Sprintf("token %s is %s", t.ID, v.State), "`firebreak tokens create` makes a new one")
	}
	if err := s.pace.take(t.ID, s.cfg.Now()); err != nil {
		return Caller{}, err
	}
	return Caller{Person: t.Holder, Token: t.ID, May: t.May}, nil
}
