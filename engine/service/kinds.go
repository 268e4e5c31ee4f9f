package service

// ProblemKind is one way in which a configuration can be wrong.
type ProblemKind struct {
	ID   string // stable
	What string // what is refused
}

// ProblemKinds returns every kind of problem, in the order in which people
// read them.
func ProblemKinds() []ProblemKind { return problemKinds[:] }

var problemKinds = [...]ProblemKind{
	{"unknown-key", "a key that does not exist there"},
	{"missing-key", "a key that must be there"},
	{"unknown-capability", "a capability that does not exist"},
	{"unknown-plugin", "a plugin that is neither built in nor under `plugins`"},
	{"shadowed-builtin", "a plugin with the name of a built-in"},
	{"unknown-name", "a service or a role in `chat` that there is none of"},
	{"unknown-person", "a role of somebody who is not under `people`"},
	{"duplicate-person", "somebody twice in a role"},
	{"shared-identity", "two people with one identity"},
	{"bad-email", "what is no address"},
	{"bad-name", "what is no name"},
	{"bad-path", "a path that is not absolute and plain"},
	{"bad-checksum", "what is no SHA-256"},
	{"unknown-kind", "a kind of source, or of readers of metrics, that does not exist"},
	{"no-mapping", "a source that needs a mapping and has none, or has one that it does not need"},
	{"bad-expression", "a mapping that is no expression over `body`"},
	{"bad-window", "a freeze that says in two ways when, or in none"},
	{"bad-time", "what is no time, day or time zone"},
	{"unknown-service", "a rule about a service, or an environment, that there is not"},
	{"bad-address", "what is no address of a web service"},
	{"bad-duration", "what is no time span"},
	{"bad-number", "`012`, `0x1f`, `1_000`, or more than 64 bits"},
	{"bad-secret", "what is no reference to a secret"},
	{"literal-secret", "what looks like a secret in clear text"},
	{"wrong-type", "a value of another type than is wanted"},
	{"empty", "an empty value"},
	{"key-not-text", "a key that YAML does not read as text"},
	{"duplicate-key", "a key that is there twice"},
	{"alias", "`*name`"},
	{"anchor", "`&name`"},
	{"merge-key", "`<<:`"},
	{"tag", "`!name`"},
	{"second-document", "more than one document"},
	{"syntax", "what is not YAML"},
	{"not-utf8", "a file that is not UTF-8, or breaks a line where editors show no break"},
	{"too-big", "more than 1 MiB"},
	{"too-deep", "nesting over 100 levels"},
}
