package service

// ProblemKind is one way in which a configuration, and no other file, can be
// wrong.
type ProblemKind struct {
	ID   string // stable
	What string // what is refused
}

// ProblemKinds returns the kinds of problem that only a configuration has, in
// the order in which people read them. It shares those of forms, names and
// YAML with runbooks.
func ProblemKinds() []ProblemKind { return problemKinds[:] }

var problemKinds = [...]ProblemKind{
	{"unknown-capability", "a capability that does not exist"},
	{"unknown-plugin", "a plugin that is neither built in nor under `plugins`"},
	{"shadowed-builtin", "a plugin with the name of a built-in"},
	{"unknown-person", "a role of somebody who is not under `people`"},
	{"duplicate-person", "somebody twice in a role"},
	{"shared-identity", "two people with one identity"},
	{"unknown-role", "a role in `chat` that there is none of"},
	{"unknown-service", "a service, or an environment, in `chat` or `policy` that there is none of"},
	{"no-notes", "notes of a source that has no incidents"},
	{"no-mapping", "a source that needs a mapping and has none, or has one that it does not need"},
	{"bad-expression", "a mapping that is no expression over `body`"},
	{"bad-window", "a freeze that says in two ways when, or in none"},
	{"bad-time", "what is no time, day or time zone"},
	{"bad-secret", "what is no reference to a secret"},
	{"literal-secret", "what looks like a secret in clear text"},
}
