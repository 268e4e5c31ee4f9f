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
	{name: "service", form: formTemplate, doc: "the service that its actions act on"},
	{name: "triggers", form: formShapes, of: &triggerShape, doc: "the alerts that start it"},
	{name: "on_locked", form: formWord, words: onLockedWords, doc: "where another run may change the same: queue if left out, skip (end as refused), or join (the same if the other run does the same, else queue)"},
	{name: "timeout", form: formDuration, doc: "of the whole run, without the time that people take"},
	{name: "steps", form: formSteps, need: true, doc: "what is done, from top to bottom"},
	{name: "on_failure", form: formSteps, doc: "what is done after a failure, when all undoing is over"},
	{name: "finally", form: formSteps, doc: "what is done last, however the run went"},
}}

var inputShape = shape{name: "an input", def: "input", keys: []key{
	{name: "type", form: formWord, need: true, words: inputTypes, doc: "service is the name of a configured service"},
	{name: "required", form: formFlag, doc: "whether a run without it is refused"},
	{name: "default", form: formValue, doc: "its value when it is not given"},
	{name: "doc", form: formText, doc: "what it means"},
}}

var triggerShape = shape{name: "a trigger", def: "trigger", keys: []key{
	{name: "alert", form: formCondition, need: true, doc: "over alert.labels, alert.annotations and alert.status"},
	{name: "inputs", form: formValues, doc: "the run's inputs"},
	{name: "cooldown", form: formDuration, doc: "how long after a run the next may start"},
}}

var retryShape = shape{name: "retry", def: "retry", keys: []key{
	{name: "attempts", form: formCount, need: true, doc: "all of them, the first included"},
	{name: "backoff", form: formDuration, doc: "before the second attempt; doubles from then on; 200ms if left out"},
	{name: "max_backoff", form: formDuration, doc: "the longest pause; 5s if left out"},
	{name: "on", form: formWords, words: retryClasses, doc: "classes of failure; timeout and unavailable if left out"},
}}

var approveShape = shape{name: "approve", def: "approve", keys: []key{
	{name: "of", form: formShapes, need: true, of: &askedShape, doc: "who may answer, in the order of escalation"},
	{name: "quorum", form: formCount, doc: "how many must say yes; 1 if left out"},
	{name: "valid_for", form: formDuration, doc: "how long a yes holds before it is used; 10m if left out"},
	{name: "on_expiry", form: formWord, words: onExpiryWords, doc: "abort if left out; never acts unapproved"},
	{name: "self", form: formFlag, doc: "whether who asked for the run may answer; false if left out"},
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
	{name: "with", form: formValues, doc: "its input"},
	{name: "until", form: formCondition, doc: "what must hold; result is the action's answer"},
	{name: "for", form: formDuration, doc: "for how long without a break; 0s if left out"},
	{name: "within", form: formDuration, doc: "how long it is tried; 1m if left out"},
	{name: "every", form: formDuration, doc: "between two reads, at least 100ms; 1s if left out"},
	{name: "on_fail", form: formWord, words: onFailWords, doc: "undo if left out; ask where the step is itself a rollback"},
	{name: "none", form: formText, doc: "why nothing is verified"},
	{name: "owner", form: formText, doc: "of none: the team that answers for it"},
	{name: "last_day", form: formDate, doc: "of none: until when, as \"2026-12-31\" in UTC"},
}, either: [][]string{{"uses", "until"}, {"none", "owner", "last_day"}}}

var undoShape = shape{name: "undo", def: "undo", keys: []key{
	{name: "uses", form: formText, doc: "the action that takes the receipt of the step's"},
	{name: "with", form: formValues, doc: "its input; the receipt if left out"},
	{name: "none", form: formText, doc: "why it cannot be undone"},
}, either: [][]string{{"uses"}, {"none"}}}

var waitShape = shape{name: "wait", def: "wait", keys: []key{
	{name: "uses", form: formText, need: true, doc: "an action that reads"},
	{name: "with", form: formValues, doc: "its input"},
	{name: "until", form: formCondition, need: true, doc: "what is waited for; result is the action's answer"},
	{name: "every", form: formDuration, doc: "between two reads, at least 100ms; 1s if left out"},
	{name: "within", form: formDuration, need: true, doc: "how long it is waited for"},
}}

// Keys that several kinds of step have.
var (
	idKey       = key{name: "id", form: formID, doc: "by which expressions read the step"}
	ifKey       = key{name: "if", form: formCondition, doc: "the step is skipped where it is false"}
	optionalKey = key{name: "optional", form: formFlag, doc: "a failure that changed nothing is forgiven"}
	timeoutKey  = key{name: "timeout", form: formDuration, doc: "of one attempt of a step, or of a whole group"}
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
		{name: "resource", form: formTemplate, doc: "of a tool that changes something: the identity of what it changes"},
		optionalKey, timeoutKey,
		{name: "retry", form: formShape, of: &retryShape, doc: "of an action that may be done again"},
		approveKey, guardKey, verifyKey,
		{name: "undo", form: formShape, of: &undoShape, doc: "how the change is taken back"},
	}}},
	{KindGroup, "steps", shape{name: "a group", def: "step_steps", keys: []key{
		idKey, ifKey, timeoutKey, approveKey, guardKey,
		{name: "steps", form: formSteps, need: true, doc: "one after the other"},
		verifyKey,
	}}},
	{KindParallel, "parallel", shape{name: "a parallel group", def: "step_parallel", keys: []key{
		idKey, ifKey, timeoutKey, approveKey, guardKey,
		{name: "parallel", form: formSteps, need: true, doc: "side by side"},
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
		{name: "set", form: formValues, need: true, doc: "read as vars.NAME"},
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
		{name: "on_expiry", form: formWord, words: onExpiryWords, doc: "abort if left out; skip: its value is null"},
	}}},
}

// laterKinds are kinds of step that the language knows and this version does
// not read.
var laterKinds = []string{"foreach", "call"}

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
