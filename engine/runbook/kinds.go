package runbook

// ProblemKind is one way in which a runbook can be wrong: what its id means.
type ProblemKind struct {
	ID    string // stable
	Group string // one of [ProblemGroups]
	What  string // what is refused
	Why   string // why it matters
	Mend  string // what to do about it
}

// The groups of problems.
const (
	groupSafety = "What a runbook must have"
	groupFlow   = "What can never go well"
	groupNames  = "Names, forms and types"
	groupYAML   = "What YAML would lose or change silently, and files that are too large"
)

// ProblemGroups are the groups of problems, in the order in which people read
// them.
func ProblemGroups() []string { return []string{groupSafety, groupFlow, groupNames, groupYAML} }

// ProblemKinds returns every kind of problem, group by group.
func ProblemKinds() []ProblemKind {
	kinds := make([]ProblemKind, len(problemKinds))
	copy(kinds, problemKinds)
	return kinds
}

// KindOfProblem returns the kind of problem with an id, and whether there is
// one.
func KindOfProblem(id string) (ProblemKind, bool) {
	i, ok := kindsByID[id]
	if !ok {
		return ProblemKind{}, false
	}
	return problemKinds[i], true
}

var kindsByID = func() map[string]int {
	byID := make(map[string]int, len(problemKinds))
	for i, k := range problemKinds {
		byID[k.ID] = i
	}
	return byID
}()

var problemKinds = []ProblemKind{
	{
		"no-gate", groupSafety, "a change that no `approve` covers, or an irreversible one without its own",
		"nothing may be changed before a person or a rule has said yes to exactly that",
		"give the step, or a group around it, an `approve`; an irreversible one its own",
	},
	{
		"other-service", groupSafety, "a `call` of a runbook that acts on another service than its caller",
		"a run has the locks and the gates of one service; what it changes elsewhere would be neither locked nor shown",
		"give it the service of the caller, in the same words as at the top, or run the other runbook by itself",
	},
	{
		"call-handlers", groupSafety, "a `call`, in a handler or a `foreach`, of a runbook that has `on_failure` or `finally`",
		"its handlers run at the end of the run, once; here it would be called after that, or many times",
		"call it outside handlers and `foreach`, or write a runbook without handlers for this",
	},
	{
		"no-verify", groupSafety, "a change that nothing verifies",
		"a change whose success nobody looks at is found out by the users",
		"give the step, or a group around it, a `verify`, or say with `none` why there is none",
	},
	{
		"no-undo", groupSafety, "a change without an undo",
		"when a later step fails, the run must know how to put this one back",
		"give it `undo` with `uses`, or with `none` and the reason",
	},
	{
		"wrong-undo", groupSafety, "an undo by an action that does not take the receipt, or that cannot be made undone itself",
		"an undo runs by itself, in the middle of trouble: it must fit what was done and lose nothing",
		"use the action that the contract names, or say with `none` why there is none",
	},
	{
		"no-service", groupSafety, "an action on a service, in a runbook that has none",
		"a capability acts on what the service is bound to; without one there is nothing to act on or to lock",
		"write `service:` at the top of the file",
	},
	{
		"no-resource", groupSafety, "a tool that changes something without naming what",
		"two runs that change the same thing at once are kept apart by its name",
		"write `resource:` with the identity of what it changes",
	},
	{
		"not-a-read", groupSafety, "a guard, verify or wait that would change something",
		"they run without a gate and many times",
		"use an action that reads, or make a step of it",
	},
	{
		"unknown-at-gate", groupSafety, "an input of a change that is not known when its gate asks",
		"people would approve what nobody can show them",
		"read it before the group, or give the step an `approve` of its own outside it",
	},
	{
		"no-result", groupSafety, "a guard, verify or wait whose condition does not look at `result`",
		"it would read something and decide by something else",
		"compare a field of `result`",
	},
	{
		"retry", groupSafety, "a retry of what could then be done twice",
		"after a lost answer nothing can tell whether the change was made",
		"remove `retry`: a person is asked when the outcome is lost",
	},
	{
		"undo-input", groupSafety, "an undo's input that may not be there, or may be another, when the undo begins",
		"an undo runs in the middle of trouble: it must not fail because a step before it returned nothing",
		"read what is always there, or leave `with` out: the undo then gets the receipt",
	},
	{
		"waiver-expired", groupSafety, "a `verify: none` after its last day",
		"a waiver without an end is for ever",
		"verify the change, or let the owner say again why not, with a later `last_day`",
	},

	{
		"unreachable", groupFlow, "a condition that is never true, or steps after one that always ends the run",
		"a step that never runs is missed when it is needed",
		"mend the condition, or remove what it keeps from running",
	},
	{
		"always-true", groupFlow, "a condition that is always true",
		"whoever wrote it wanted it to be false sometimes: `!=` on both sides of `||` is true of every value",
		"mend the condition, or leave it out",
	},
	{
		"not-made", groupFlow, "outputs and variables that are null on some path to where they are read",
		"a step that is skipped, or optional and failed, returns nothing; reading through nothing fails the step that reads",
		"read them where an `if` says that they are there, or with `?.` and `??`",
	},
	{
		"unused-input", groupFlow, "an input that nothing reads",
		"who gives it expects it to count, and a misspelt name shows here",
		"read it, or remove it",
	},
	{
		"race", groupFlow, "a variable that one member of a `parallel` sets and another sets or reads, and changes of one thing side by side",
		"which of them comes first, and which last, is chance",
		"do it one after the other, or give them two names",
	},

	{
		"unknown-key", groupNames, "a key that does not exist there",
		"a key that is misspelt would be passed over silently",
		"use a key that there is, or remove it",
	},
	{
		"missing-key", groupNames, "a key that must be there",
		"without it nobody can tell what is to be done",
		"add the key",
	},
	{
		"conflict", groupNames, "keys that exclude each other, or one without a meaning there",
		"one of them would be passed over silently",
		"keep one of them",
	},
	{
		"empty", groupNames, "an empty text, list or file",
		"most likely something was left out",
		"fill it in, or remove the key",
	},
	{
		"empty-condition", groupNames, "a condition without anything in it, as `if: !x` becomes in YAML",
		"YAML has lost the condition, and the step would always run",
		"write the condition in quotes, or leave the key out",
	},
	{
		"name", groupNames, "what is no name, id or name of a variable",
		"names are used in expressions, commands and links",
		"use lower-case letters, digits, and `_` in ids or `-` in names",
	},
	{
		"word", groupNames, "a word that is not one of those that are possible",
		"a word that nobody knows has no meaning",
		"use one of the words in the hint",
	},
	{
		"duration", groupNames, "what is no duration, or one that makes no sense there",
		"a number without a unit is read as something else, and a time that is too short always fails",
		"write for example `90s`, `1m30s` or `2d`",
	},
	{
		"date", groupNames, "what is no day",
		"the end of a waiver must be a day of the calendar",
		"write a day such as `\"2026-12-31\"`, in quotes",
	},
	{
		"number", groupNames, "an integer that does not fit 64 bits",
		"it would become another number",
		"write a smaller one, or put it in quotes as text",
	},
	{
		"wrong-type", groupNames, "a value of another type than is wanted",
		"it would fail later, in the middle of a run",
		"give a value of the type in the message",
	},
	{
		"unknown-runbook", groupNames, "a `call` of a runbook that is not found, or cannot be read",
		"it is read together with its caller, so that all that will be done is checked before",
		"put it beside this file or into a folder of runbooks, under its name",
	},
	{
		"recursion", groupNames, "a `call` of a runbook that is being called already",
		"it would never come to an end, and nobody could be shown what it does",
		"use `foreach` for what is done again and again",
	},
	{
		"unknown-action", groupNames, "an action that does not exist",
		"the step could never run",
		"use an action of the list, or configure the plugin that has it",
	},
	{
		"unknown-input", groupNames, "an input that the action, or the runbook, does not have",
		"it would be passed over silently",
		"use a name that there is, or remove it",
	},
	{
		"missing-input", groupNames, "an input that it must have",
		"the action would refuse to run",
		"add the input",
	},
	{
		"duplicate-id", groupNames, "an id that is there twice",
		"expressions and commands could not tell the steps apart",
		"give one of them another id",
	},
	{
		"duplicate-role", groupNames, "a role that one question asks twice",
		"who is asked may answer until the end: asking again changes nothing, and most likely another role was meant",
		"name the other role, or give this one the time of both",
	},
	{
		"unknown-step", groupNames, "a step that does not exist",
		"there is nothing to read",
		"use the id of a step that there is",
	},
	{
		"not-yet-run", groupNames, "a step that has not run there, or runs side by side",
		"there is nothing to read yet",
		"move the reading step below it",
	},
	{
		"unknown-name", groupNames, "a name that expressions do not know",
		"the expression could never be evaluated",
		"use a name that there is",
	},
	{
		"unknown-field", groupNames, "a field that a value does not have",
		"it would always be null",
		"use a field that there is",
	},
	{
		"not-allowed", groupNames, "a function or construct that is not part of the language, comments inside an expression included",
		"an expression must give the same answer whenever it is read again, and read the same to people and to the machine",
		"write it with what the language has",
	},
	{
		"not-a-template", groupNames, "`{{ inputs.x }}` or `${inputs.x}`, which is not filled in here",
		"people and programs would be given the words as they stand",
		"write `${{ inputs.x }}`; where the words are meant, `${{ \"{{ inputs.x }}\" }}`",
	},
	{
		"no-template", groupNames, "`${{ }}` in a text that is read as it stands",
		"it would be shown as written",
		"write the text itself",
	},
	{
		"syntax", groupNames, "an expression that cannot be read",
		"it could never be evaluated",
		"mend it at the position",
	},
	{
		"too-many", groupNames, "more than 100 problems: the rest is not shown",
		"most of them will have one cause",
		"mend the first ones and check again",
	},

	{
		"yaml", groupYAML, "what is not YAML",
		"nothing of the file can be read",
		"mend the line",
	},
	{
		"yaml-alias", groupYAML, "`*name`: write the value again",
		"what counts must stand where it is read",
		"write the value again, or put it in quotes",
	},
	{
		"yaml-anchor", groupYAML, "`&name`",
		"what counts must stand where it is read",
		"remove it, or put the value in quotes",
	},
	{
		"yaml-merge", groupYAML, "`<<:`",
		"what counts must stand where it is read",
		"write the keys out",
	},
	{
		"yaml-tag", groupYAML, "`!name`, also in `if: !done`: quote the condition",
		"YAML takes it away, and a condition is lost or turned into its opposite",
		"put the value in quotes",
	},
	{
		"yaml-comment", groupYAML, "an expression that a `#` cuts short: quote it",
		"YAML reads a comment, and half a condition is another condition",
		"put the expression in quotes",
	},
	{
		"yaml-quote", groupYAML, "a value that must be quoted",
		"YAML reads something else than stands there",
		"put the whole value in quotes",
	},
	{
		"yaml-flow", groupYAML, "`${{ }}` without quotes inside `{ }` or `[ ]`",
		"YAML reads the braces as its own",
		"write one entry to a line, or put it in quotes",
	},
	{
		"yaml-number", groupYAML, "`012`, `0x1f`, `1_000`: YAML reads another number",
		"`012` would be 10",
		"write it in decimals, or in quotes as text",
	},
	{
		"yaml-date", groupYAML, "a date without quotes: YAML makes a time of it",
		"the day would depend on a zone",
		"put it in quotes",
	},
	{
		"yaml-tab", groupYAML, "a tab as indentation",
		"YAML takes none",
		"indent with spaces",
	},
	{
		"duplicate-key", groupYAML, "a key that is there twice",
		"one of the two values would be lost",
		"keep one of them",
	},
	{
		"second-document", groupYAML, "more than one document in a file",
		"all but the first would be lost",
		"make two files of it",
	},
	{
		"not-text", groupYAML, "a file that is not UTF-8 text, or has control characters or a byte order mark",
		"people would not see what the machine reads",
		"save it as UTF-8 text without a byte order mark",
	},
	{
		"too-large", groupYAML, "a file over 1 MiB, more than 2,000 steps, an expression over 64 KiB",
		"nobody could read it, and checking it would take too long",
		"split it",
	},
	{
		"too-deep", groupYAML, "nesting over 100 levels",
		"nobody could read it",
		"write it flatter",
	},
}
