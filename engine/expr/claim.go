package expr

import (
	"slices"
	"strings"
)

// Excludes reports whether two claims cannot hold together.
func (c Claim) Excludes(o Claim) bool {
	switch {
	case c.denies(o) || o.denies(c):
		return true
	case c.About == "" || c.About != o.About:
		return c.About == "" && o.About == "" && c.Text == o.Text && c.Holds != o.Holds
	}
	x, numberX := c.Value.(float64)
	y, numberY := o.Value.(float64)
	switch {
	case numberX && numberY:
		return apart(c.Op, x, o.Op, y)
	case c.Op == "==" && o.Op == "==":
		return c.Value != o.Value
	case c.Op == "==" && o.Op == "!=" || c.Op == "!=" && o.Op == "==":
		return c.Value == o.Value
	}
	return false
}

// denies reports whether a claim says that something is null of which the
// other needs the value.
func (c Claim) denies(o Claim) bool {
	return c.About != "" && c.Op == "==" && c.Value == nil && slices.ContainsFunc(o.NotNull(), func(name string) bool {
		return name == c.About || strings.HasPrefix(name, c.About+".")
	})
}

// NotNull returns the names that are not null where the claim holds.
func (c Claim) NotNull() []string {
	if c.About != "" && (c.Value != nil || c.Op == "!=") {
		return append(slices.Clip(c.Needs), c.About)
	}
	return c.Needs
}

// apart reports whether no number compares with two others in two ways.
func apart(opX string, x float64, opY string, y float64) bool {
	if opX == "!=" {
		return opY == "==" && x == y
	}
	if opY == "!=" {
		return opX == "==" && x == y
	}
	return below(opX, x, opY, y) || below(opY, y, opX, x)
}

// below reports whether what is bounded above by one comparison is less than
// all that is bounded below by another.
func below(opX string, x float64, opY string, y float64) bool {
	up := opX == "<" || opX == "<=" || opX == "=="
	low := opY == ">" || opY == ">=" || opY == "=="
	open := opX == "<" || opY == ">"
	return up && low && (x < y || open && x == y)
}

// Excluded returns two claims of a case that cannot hold together, and whether
// there are any.
func (c Case) Excluded() (one, other Claim, found bool) {
	about := make(map[string][]Claim, len(c)) // claims about one thing exclude each other
	var null []Claim
	for _, claim := range c {
		key := claim.About
		if key == "" {
			key = "?" + claim.Text
		}
		for _, before := range about[key] {
			if before.Excludes(claim) {
				return before, claim, true
			}
		}
		about[key] = append(about[key], claim)
		if claim.About != "" && claim.Op == "==" && claim.Value == nil {
			null = append(null, claim)
		}
	}
	for _, nothing := range null {
		for _, claim := range c {
			if nothing.denies(claim) {
				return nothing, claim, true
			}
		}
	}
	return Claim{}, Claim{}, false
}
