package runbook

import "slices"

// Words that keys may have.
var (
	onExpiryWords = []string{"abort", "skip"}
	onLockedWords = []string{OnLockedQueue, OnLockedSkip, OnLockedJoin}
	onFailWords   = []string{"undo", "keep", "ask"}
	retryClasses  = []string{"timeout", "unavailable", "invalid", "denied", "conflict", "not_found", "inconclusive", "internal"}
	inputTypes    = []string{"service", "string", "integer", "number", "boolean", "duration"}
)

var runbookShape = shape{name: "a runbook", def: "runbook", keys: []key{
	{name: "firebreak", form: formWord, need: true, words: []string{"v1"}, doc: "version of the language"},
	{name: "name", form: formName, need: true, doc: "by which it is called, such as connection-exhaustion"},
	{name: "title", form: formText, doc: "what it does, in one line"},
	{name: "owner", form: formText, doc: "the team that answers for it"},
	{name: "inputs", form: formNamed, of: &inputShape, doc: "what must be known to run it"},
	{name: "service", form: formTemplate, doc: "the configured service that its actions act on; it may read inputs only"},
	{name: "triggers", form: formShapes, of: &triggerShape, doc: "the alerts that start it"},
	{name: "on_locked", form: formWord, words: onLockedWords, otherwise: "`queue`", doc: "where another run may change the same: wait for its turn (queue), end as refused (skip), or do that where the other run is of the same runbook with the same inputs, and is told so, else wait (join)"},
	{name: "timeout", form: formDuration, doc: "of the whole run; the time that people take and stops last does not count"},
	{name: "steps", form: formSteps, need: true, doc: "what is done, from top to bottom"},
	{name: "on_failure", form: formSteps, doc: "what is done after a failure, when all undoing is over"},
	{name: "finally", form: formSteps, doc: "what is done last, however the run went"},
	{name: "outputs", form: formValues, doc: "what it returns when all went well, by name"},
}}

var inputShape = shape{name: "an input", def: "input", keys: []key{
	{name: "type", form: formWord, need: true, words: inputTypes, doc: "service is the name of a configured service"},
	{name: "required", form: formFlag, otherwise: "`false`", doc: "whether a run without it is refused"},
	{name: "default", form: formValue, otherwise: "`null`", doc: "its value when it is not given, of its type"},
	{name: "doc", form: formText, doc: "what it means"},
}}

var triggerShape = shape{name: "a trigger", def: "trigger", keys: []key{
	{name: "alert", form: formCondition, need: true, doc: "over alert.labels, alert.annotations and alert.status"},
	{name: "inputs", form: formValues, doc: "the run's inputs"},
	{name: "cooldown", form: formDuration, doc: "how long after a run the next may start"},
}}

var retryShape = shape{name: "retry", def: "retry", keys: []key{
	{name: "attempts", form: formCount, need: true, doc: "all of them, the first included"},
	{name: "backoff", form: formDuration, otherwise: "`200ms`", doc: "before the second attempt; it doubles from then on"},
	{name: "max_backoff", form: formDuration, otherwise: "`5s`, or `backoff` where that is longer", doc: "the longest pause"},
	{name: "on", form: formWords, words: retryClasses, otherwise: "`[timeout, unavailable]`", doc: "the classes of failure after which it is tried again"},
}}

var approveShape = shape{name: "approve", def: "approve", keys: []key{
	{name: "of", form: formShapes, need: true, of: &askedShape, doc: "who may answer, in the order of escalation"},
	{name: "quorum", form: formCount, otherwise: "`1`", doc: "how many people must say yes; one no is enough to deny"},
	{name: "valid_for", form: formDuration, otherwise: "`10m`", doc: "how long a yes holds before it is used"},
	{name: "on_expiry", form: formWord, words: onExpiryWords, otherwise: "`abort`", doc: "what silence means; never a yes"},
	{name: "self", form: formFlag, otherwise: "`false`", doc: "whether the person who started the run may approve it"},
}}

var askedShape = shape{name: "a role that is asked", def: "asked", keys: []key{
	{name: "role", form: formText, need: true, doc: "of firebreak.yaml"},
	{name: "for", form: formDuration, need: true, doc: "how long it is waited for"},
}}

var valueShape = shape{name: "value", def: "value", keys: []key{
	{name: "type", form: formWord, need: true, words: inputTypes, doc: "what is asked for; service is the name of a service"},
}}

var guardShape = shape{name: "guard", def: "guard", keys: []key{
	{name: "uses", form: formText, need: true, doc: "an action that reads"},
	{name: "with", form: formValues, doc: "its input"},
	{name: "that", form: formCondition, need: true, doc: "what must hold; result is the action's answer"},
}}

var verifyShape = shape{name: "verify", def: "verify", keys: []key{
	{name: "uses", form: formText, doc: "an action that reads"},
	{name: "with", form: formValues, doc: "its input; an action that takes not_before is told when the change ended"},
	{name: "until", form: formCondition, doc: "what must hold; result is the action's answer"},
	{name: "for", form: formDuration, otherwise: "`0s`", doc: "for how long, in samples without a false one between them"},
	{name: "within", form: formDuration, otherwise: "`1m`", doc: "how long it is tried"},
	{name: "every", form: formDuration, otherwise: "`1s`", doc: "between two reads, at least 100ms"},
	{name: "on_fail", form: formWord, words: onFailWords, otherwise: "`undo`; `ask` where the step is itself a rollback", doc: "what a failed verify means"},
	{name: "none", form: formText, doc: "why nothing is verified"},
	{name: "owner", form: formText, doc: "of none: the team that answers for it"},
	{name: "last_day", form: formDate, doc: "of none: until when, as \"2026-12-31\" in UTC; afterwards check refuses it"},
}, either: [][]string{{"uses", "until"}, {"none", "owner", "last_day"}}}

var undoShape = shape{name: "undo", def: "undo", keys: []key{
	{name: "uses", form: formText, doc: "the action that takes the receipt of the step's"},
	{name: "with", form: formValues, otherwise: "the receipt", doc: "its input"},
	{name: "retry", form: formShape, of: &retryShape, doc: "of an undo that may be done again"},
	{name: "verify", form: formShape, of: &undoVerifyShape, doc: "what shows that it is put back"},
	{name: "none", form: formText, doc: "why it cannot be undone"},
}, either: [][]string{{"uses"}, {"none"}}}

// undoVerifyShape is a verify without a choice: an undo that did not work has
// failed.
var undoVerifyShape = shape{name: "verify of an undo", def: "undo_verify", keys: []key{
	{name: "uses", form: formText, need: true, doc: "an action that reads"},
	{name: "with", form: formValues, doc: "its input"},
	{name: "until", form: formCondition, need: true, doc: "what must hold; result is the action's answer"},
	{name: "for", form: formDuration, otherwise: "`0s`", doc: "for how long without a break"},
	{name: "within", form: formDuration, otherwise: "`1m`", doc: "how long it is tried"},
	{name: "every", form: formDuration, otherwise: "`1s`", doc: "between two reads, at least 100ms"},
}}

var waitShape = shape{name: "wait", def: "wait", keys: []key{
	{name: "uses", form: formText, need: true, doc: "an action that reads"},
	{name: "with", form: formValues, doc: "its input"},
	{name: "until", form: formCondition, need: true, doc: "what is waited for; result is the action's answer"},
	{name: "every", form: formDuration, otherwise: "`1s`", doc: "between two reads, at least 100ms"},
	{name: "within", form: formDuration, need: true, doc: "how long it is waited for"},
}}

// Keys that several kinds of step have.
var (
	idKey       = key{name: "id", form: formID, otherwise: "its position", doc: "by which expressions and commands name the step; unique in the file"}
	ifKey       = key{name: "if", form: formCondition, otherwise: "`true`", doc: "where it is false the step is skipped; where it cannot be evaluated the step fails"}
	optionalKey = key{name: "optional", form: formFlag, otherwise: "`false`", doc: "a failure that changed nothing is forgiven; the outputs are then null"}
	timeoutKey  = key{name: "timeout", form: formDuration, otherwise: "`30s` for a read, `10m` for a change; none for a group", doc: "of one attempt of a step; of a whole group, without people and stops"}
	withKey     = key{name: "with", form: formValues, doc: "the input of the action"}
	approveKey  = key{name: "approve", form: formShape, of: &approveShape, doc: "the gate that people answer"}
	guardKey    = key{name: "guard", form: formShape, of: &guardShape, doc: "what must hold right before the change"}
	verifyKey   = key{name: "verify", form: formShape, of: &verifyShape, doc: "what shows that it worked"}
)

// stepShapes holds the keys of a step, by the key that says its kind. The
// order is that of messages and of the schema.
var stepShapes = []struct {
	kind  Kind
	by    string
	shape shape
}{
	{KindAction, "uses", shape{name: "a step with uses", def: "step_uses", keys: []key{
		idKey, ifKey,
		{name: "uses", form: formText, need: true, doc: "the action, such as settings.rollback"},
		withKey,
		{name: "resource", form: formTemplate, doc: "of a tool that changes something: the identity of what it changes, for the lock; needed there, refused elsewhere"},
		optionalKey, timeoutKey,
		{name: "retry", form: formShape, of: &retryShape, otherwise: "one attempt", doc: "of an action that may be done again"},
		approveKey, guardKey, verifyKey,
		{name: "undo", form: formShape, of: &undoShape, doc: "how the change is taken back"},
	}}},
	{KindForeach, "foreach", shape{name: "a foreach", def: "step_foreach", keys: []key{
		idKey, ifKey, timeoutKey, approveKey, guardKey,
		{name: "foreach", form: formList, need: true, doc: "a list; its steps read the item as item"},
		{name: "concurrency", form: formCount, otherwise: "`1`", doc: "how many items go on side by side"},
		{name: "max_failures", form: formNumber, otherwise: "`0`", doc: "how many items may fail, as long as they leave nothing changed"},
		{name: "steps", form: formSteps, need: true, doc: "what is done for each item, one after the other"},
		verifyKey,
	}}},
	{KindGroup, "steps", shape{name: "a group", def: "step_steps", keys: []key{
		idKey, ifKey, timeoutKey, approveKey, guardKey,
		{name: "steps", form: formSteps, need: true, doc: "one after the other"},
		verifyKey,
	}}},
	{KindParallel, "parallel", shape{name: "a parallel group", def: "step_parallel", keys: []key{
		idKey, ifKey, timeoutKey, approveKey, guardKey,
		{name: "parallel", form: formSteps, need: true, doc: "side by side; none of them can read another"},
		verifyKey,
	}}},
	{KindCall, "call", shape{name: "a call", def: "step_call", keys: []key{
		idKey, ifKey, timeoutKey, approveKey, guardKey,
		{name: "call", form: formName, need: true, doc: "the name of a runbook, which is done as if its steps stood here"},
		{name: "with", form: formValues, doc: "its inputs"},
		verifyKey,
	}}},
	{KindNotify, "notify", shape{name: "a notify step", def: "step_notify", keys: []key{
		idKey, ifKey,
		{name: "notify", form: formText, need: true, doc: "a role of firebreak.yaml"},
		{name: "text", form: formTemplate, need: true, doc: "what it is told"},
	}}},
	{KindWait, "wait", shape{name: "a wait", def: "step_wait", keys: []key{
		idKey, ifKey,
		{name: "wait", form: formWait, need: true, of: &waitShape, doc: "for how long, or for what"},
		optionalKey,
	}}},
	{KindSet, "set", shape{name: "a set step", def: "step_set", keys: []key{
		idKey, ifKey,
		{name: "set", form: formVars, need: true, doc: "later steps read them as vars.NAME; where the step is skipped they stay as they were, or null"},
	}}},
	{KindFail, "fail", shape{name: "a fail step", def: "step_fail", keys: []key{
		idKey, ifKey,
		{name: "fail", form: formTemplate, need: true, doc: "why the run ends as failed"},
	}}},
	{KindAsk, "ask", shape{name: "an ask step", def: "step_ask", keys: []key{
		idKey, ifKey,
		{name: "ask", form: formTemplate, need: true, doc: "the question to people"},
		{name: "of", form: formShapes, need: true, of: &askedShape, doc: "who may answer, in the order of escalation"},
		{name: "value", form: formShape, need: true, of: &valueShape, doc: "what is asked for; read as steps.ID.outputs.value"},
		{name: "on_expiry", form: formWord, words: onExpiryWords, otherwise: "`abort`", doc: "what silence means; after skip its value is null"},
	}}},
}

// allStepKeys are the keys of any kind of step.
func allStepKeys() []string {
	var names []string
	for _, s := range stepShapes {
		for _, name := range s.shape.names() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
