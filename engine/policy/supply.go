package policy

import (
	"fmt"
	"strings"
)

// Origin is where the text of a runbook came from.
type Origin struct {
	Runbook string `json:"runbook"`
	File    string `json:"file,omitempty"`     // absolute, links followed; empty: it is in no file here
	BuiltIn bool   `json:"built_in,omitempty"` // the binary brings it
	Digest  string `json:"digest"`             // of the text
	Commit  string `json:"commit,omitempty"`   // that is checked out where the file is; empty: none
	Dirty   bool   `json:"dirty,omitempty"`    // that commit has another text there, or none
}

// Committed reports whether the text can be had again as it was: it is that of
// a commit, or comes with the binary.
func (o Origin) Committed() bool { return o.BuiltIn || o.Commit != "" && !o.Dirty }

// String says it for people.
func (o Origin) String() string {
	text := o.File
	switch {
	case o.BuiltIn:
		return "built in"
	case o.File == "":
		text = "no file here"
	case o.Commit == "":
		text += ", in no commit"
	case o.Dirty:
		text += ", not as in commit " + short(o.Commit)
	default:
		text += ", commit " + short(o.Commit)
	}
	return text
}

func short(commit string) string { return commit[:min(12, len(commit))] }

// Supply is where runbooks may come from. What is built in always may.
type Supply struct {
	Rule      string   // its name, and where it stands
	Committed bool     // only what is exactly as in a commit
	Paths     []string // only from below these folders, absolute; empty: from anywhere
}

// Refuses says why no run may begin with texts of these origins; empty: one
// may.
func (s *Supply) Refuses(origins []Origin) string {
	if s == nil {
		return ""
	}
	if len(origins) == 0 {
		return s.Rule + ": it is not known where the runbook came from"
	}
	for _, o := range origins {
		switch {
		case o.BuiltIn:
		case !s.holds(o.File):
			return fmt.Sprintf("%s.paths: runbook %s is from %s; put it below %s", s.Rule, o.Runbook, o, strings.Join(s.Paths, " or "))
		case s.Committed && !o.Committed():
			return fmt.Sprintf("%s.require: runbook %s is from %s; commit it as it is, and check that commit out there", s.Rule, o.Runbook, o)
		}
	}
	return ""
}

// holds reports whether a file is below one of the paths.
func (s *Supply) holds(file string) bool {
	for _, dir := range s.Paths {
		if strings.HasPrefix(file, strings.TrimSuffix(dir, "/")+"/") {
			return true
		}
	}
	return len(s.Paths) == 0
}
