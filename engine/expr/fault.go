package expr

import (
	"errors"
	"fmt"
	"strings"

	"github.com/expr-lang/expr/file"
)

// NullError says that something was read through null, or that null was
// compared with what cannot be null.
type NullError struct {
	Name string // what is null, as written: steps.db.outputs
	Why  string // such as "step db failed"; empty when it cannot be told
}

func (e *NullError) Error() string {
	if e.Why == "" {
		return e.Name + " is null"
	}
	return e.Name + " is null because " + e.Why
}

// RunError is a failure of an expression during a run.
type RunError struct {
	Where string // file:line:column; empty when it was never placed
	Err   error
}

func (e *RunError) Error() string {
	if e.Where == "" {
		return e.Err.Error()
	}
	return e.Where + ": " + e.Err.Error()
}

func (e *RunError) Unwrap() error { return e.Err }

// explain turns an error of the machine into one for people.
func (p *Program) explain(err error, vars Vars) error {
	at, ok := errors.AsType[*file.Error](err)
	if !ok {
		return p.failed(0, err, vars)
	}
	if at.Prev != nil {
		return p.failed(at.From, at.Prev, vars)
	}
	return p.failed(at.From, errors.New(at.Message), vars)
}

func (p *Program) failed(at int, err error, vars Vars) error {
	if null, ok := errors.AsType[*NullError](err); ok {
		err = &NullError{Name: null.Name, Why: whyNull(null.Name, vars)}
	}
	if p.place == nil {
		return &RunError{Err: err}
	}
	return &RunError{Where: p.place(p.base + at), Err: err}
}

// whyNull says what became of the step whose outputs are null.
func whyNull(name string, vars Vars) string {
	words := strings.Split(name, ".")
	if len(words) < 3 || words[0] != "steps" || words[2] != "outputs" {
		return ""
	}
	steps, _ := vars["steps"].(map[string]any)
	step, ok := steps[words[1]].(map[string]any)
	if !ok {
		return fmt.Sprintf("step %s has not run", words[1])
	}
	if step["outputs"] != nil {
		return ""
	}
	switch status := step["status"]; status {
	case "failed", "cancelled", "undone":
		return fmt.Sprintf("step %s %s", words[1], map[any]string{"failed": "failed", "cancelled": "was cancelled", "undone": "was undone"}[status])
	case "skipped":
		return fmt.Sprintf("step %s was skipped", words[1])
	case "succeeded":
		return fmt.Sprintf("step %s returned nothing", words[1])
	case nil, "":
		return fmt.Sprintf("step %s has not run", words[1])
	default:
		return fmt.Sprintf("step %s is %v", words[1], status)
	}
}
