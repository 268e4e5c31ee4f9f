package engine

// Command is something that a runtime should have open for a run. Its id is
// stable: run/path#attempt/phase.n. A runtime starts an id at most once in
// one generation.
type Command interface {
	CommandID() string
}
