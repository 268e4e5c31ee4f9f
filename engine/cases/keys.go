package cases

import (
	"encoding/json"
	"strings"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Words that keys may have.
var (
	classWords  = []string{"timeout", "unavailable", "invalid", "denied", "conflict", "not_found", "inconclusive", "drift", "internal"}
	effectWords = []string{"none", "applied", "partial", "unknown"}
	foundWords  = []string{engine.ChoiceHappened, engine.ChoiceNot, engine.ChoicePartial, engine.ChoiceUnknown}
	handWords   = []string{engine.HandResume, engine.HandVerify, engine.HandEnd}
	choiceWords = []string{
		engine.ChoiceAgain, engine.ChoiceAbort, engine.ChoiceAccept, engine.ChoiceKeep, engine.ChoiceUndo, engine.ChoiceForce, engine.ChoiceResume,
		engine.ChoiceHappened, engine.ChoiceNot, engine.ChoicePartial, engine.ChoiceUnknown, engine.ChoiceRelock, engine.ChoiceEnd,
	}
	questionWords = []string{
		string(engine.AskGate), string(engine.AskValue), string(engine.AskVerdict), string(engine.AskDoubt),
		string(engine.AskDrift), string(engine.AskAgain), string(engine.AskResume), string(engine.AskLock),
	}
	endWords = []string{
		string(engine.Succeeded), string(engine.NoAction), string(engine.Refused), string(engine.FailedClean), string(engine.FailedDirty),
		string(engine.CancelledClean), string(engine.CancelledDirty), string(engine.Undone), string(engine.HandedOver), endWaiting,
	}
	statusWords = []string{
		string(engine.StatusPending), string(engine.StatusRunning), string(engine.StatusWaiting), string(engine.StatusSucceeded),
		string(engine.StatusFailed), string(engine.StatusSkipped), string(engine.StatusUndone), string(engine.StatusInDoubt), string(engine.StatusCancelled),
	}
)

// endWaiting is the end of a case whose run waits for something that never
// comes.
const endWaiting = "waiting"

var fileShape = runbook.NewShape("a test file", "test",
	runbook.NewKey("firebreak_test", runbook.FormWord, "version of the format").OneOf("v1").Needed(),
	runbook.NewKey("runbook", runbook.FormName, "that is tested").Else("NAME of NAME_test.yaml"),
	runbook.NewKey("defaults", runbook.FormShape, "what every case is given; actions and people of a case are added to it, the rest replaces it").Of(defaultsShape),
	runbook.NewKey("cases", runbook.FormShapes, "each is one run").Of(caseShape),
	runbook.NewKey("triggers", runbook.FormShapes, "alerts, and which runbooks of the folder answer them").Of(triggerShape),
)

// givenKeys are the keys of what a run is given.
var givenKeys = []runbook.Key{
	runbook.NewKey("inputs", runbook.FormValues, "the run's inputs").Else("where there is an alert, those of the trigger that answers it"),
	runbook.NewKey("alert", runbook.FormShape, "the alert that begins the run").Of(alertShape),
	runbook.NewKey("requester", runbook.FormText, "who begins it").Else("the alert, or requester"),
	runbook.NewKey("roles", runbook.FormTextsBy, "who is in a role").Else("everybody who says something in the case, and others so that each quorum can be reached"),
	runbook.NewKey("stops", runbook.FormShapes, "what stands when it begins").Of(stopShape),
	runbook.NewKey("start", runbook.FormText, "when it begins, as a quoted time").Else("2026-01-02T03:04:05Z"),
	runbook.NewKey("actions", runbook.FormShapesBy, "answers by step, STEP.guard, STEP.verify, STEP.undo, STEP.undo.verify or action; of a list one call after the other, the last one repeats").Of(answerShape),
	runbook.NewKey("people", runbook.FormShapesBy, "what is said about a step when it is asked about, one after the other").Of(sayShape),
}

var stopShape = runbook.NewShape("a stop", "stop",
	runbook.NewKey("halt", runbook.FormText, "who has halted everything"),
	runbook.NewKey("hold", runbook.FormText, "who holds the service"),
	runbook.NewKey("freeze", runbook.FormText, "the rule that freezes it"),
	runbook.NewKey("reason", runbook.FormText, "why"),
)

var defaultsShape = runbook.NewShape("defaults", "defaults", givenKeys...)

var caseShape = runbook.NewShape("a case", "case", append(append(
	[]runbook.Key{
		runbook.NewKey("name", runbook.FormText, "what it shows").Needed(),
		runbook.NewKey("recorded", runbook.FormText, "the run that it was made of; names of steps and calls that the runbook no longer has are then no problem, but another outcome"),
	}, givenKeys...),
	runbook.NewKey("events", runbook.FormShapes, "what else happens").Of(eventShape),
	runbook.NewKey("expect", runbook.FormShape, "what must happen").Of(expectShape).Needed(),
)...)

var alertShape = runbook.NewShape("an alert", "alert",
	runbook.NewKey("labels", runbook.FormValues, "its labels"),
	runbook.NewKey("annotations", runbook.FormValues, "its annotations"),
	runbook.NewKey("status", runbook.FormWord, "whether it is over").Else("firing").OneOf("firing", "resolved"),
)

var answerShape = runbook.NewShape("an answer", "answer",
	runbook.NewKey("outputs", runbook.FormValues, "what it returns, held to its contract; fields that the contract needs and that are not written are null if they may be, else empty, 0 or now").Else("the emptiest"),
	runbook.NewKey("fail", runbook.FormWord, "the class of the failure that it ends with").OneOf(classWords...),
	runbook.NewKey("reason", runbook.FormText, "of fail"),
	runbook.NewKey("effect", runbook.FormWord, "of a change").Else("applied; none with fail; unknown with lost").OneOf(effectWords...),
	runbook.NewKey("takes", runbook.FormDuration, "how long it takes; beyond its limit it times out").Else("0s"),
	runbook.NewKey("lost", runbook.FormFlag, "no answer comes: a read times out, and of a change it is unknown what it did"),
	runbook.NewKey("found", runbook.FormWord, "what a probe finds that became of it").Else("unknown").OneOf(foundWords...),
	runbook.NewKey("plan", runbook.FormSome, "of a change: what its plan says; of a list one plan after the other").Of(planShape),
	runbook.NewKey("receipt", runbook.FormValues, "of a change: what its undo is given"),
	runbook.NewKey("left", runbook.FormText, "of a change: the fingerprint of the target afterwards"),
)

var planShape = runbook.NewShape("a plan", "plan",
	runbook.NewKey("detail", runbook.FormText, "what people are shown"),
	runbook.NewKey("binding", runbook.FormValues, "what exactly would be done").Else("its input"),
	runbook.NewKey("fingerprint", runbook.FormText, "of the target as it is"),
	runbook.NewKey("drift", runbook.FormFlag, "somebody else has changed the target"),
	runbook.NewKey("unit", runbook.FormText, "of the blast radius"),
	runbook.NewKey("affected", runbook.FormValue, "how many of them"),
	runbook.NewKey("total", runbook.FormValue, "of how many"),
	runbook.NewKey("resource", runbook.FormText, "the identity of what is changed, where only the plan knows it"),
	runbook.NewKey("fail", runbook.FormWord, "the plan cannot be made: the class of the failure").OneOf(classWords...),
	runbook.NewKey("reason", runbook.FormText, "of fail"),
)

var sayShape = runbook.NewShape("what somebody says", "say",
	runbook.NewKey("approve", runbook.FormText, "who approves"),
	runbook.NewKey("deny", runbook.FormText, "who denies"),
	runbook.NewKey("answer", runbook.FormWord, "the choice, of a question that has some").OneOf(choiceWords...),
	runbook.NewKey("value", runbook.FormValue, "of an ask step"),
	runbook.NewKey("nobody", runbook.FormFlag, "this question is left unanswered"),
	runbook.NewKey("by", runbook.FormText, "of answer and value: who"),
	runbook.NewKey("after", runbook.FormDuration, "how long after the question, or what was said before").Else("0s"),
	runbook.NewKey("keep", runbook.FormFlag, "of deny: leave what is changed as it is"),
	runbook.NewKey("reason", runbook.FormText, "why"),
	runbook.NewKey("break_glass", runbook.FormText, "why this person may answer in spite of the rules"),
	runbook.NewKey("refused", runbook.FormText, "it must be refused, for a reason that holds this text"),
)

var eventShape = runbook.NewShape("an event", "event",
	runbook.NewKey("at", runbook.FormDuration, "since the start; after all else that happens at that time"),
	runbook.NewKey("on", runbook.FormText, "when this begins: a step, STEP.guard, STEP.verify, STEP.undo, STEP.undo.verify or an action"),
	runbook.NewKey("after", runbook.FormDuration, "of on: how long after it"),
	runbook.NewKey("cancel", runbook.FormText, "who cancels the run"),
	runbook.NewKey("undo", runbook.FormFlag, "of cancel: and undoes what is changed and not verified"),
	runbook.NewKey("halt", runbook.FormText, "who halts everything"),
	runbook.NewKey("hold", runbook.FormText, "who holds the service"),
	runbook.NewKey("freeze", runbook.FormText, "the rule by which a freeze begins"),
	runbook.NewKey("lift", runbook.FormText, "who lifts the halt or hold that came last; of a freeze that ends, its rule"),
	runbook.NewKey("skip", runbook.FormText, "who passes over the step"),
	runbook.NewKey("withdraw", runbook.FormText, "who takes back a yes to the step's gate"),
	runbook.NewKey("extend", runbook.FormText, "who gives the step's question more time"),
	runbook.NewKey("more", runbook.FormDuration, "of extend: how much").Else("as much as the runbook gives"),
	runbook.NewKey("hand", runbook.FormText, "who leaves the answer to the step's question to somebody else"),
	runbook.NewKey("step", runbook.FormText, "of skip, withdraw, extend and hand"),
	runbook.NewKey("take_over", runbook.FormText, "who takes the run over"),
	runbook.NewKey("hand_back", runbook.FormText, "who gives it back"),
	runbook.NewKey("to", runbook.FormText, "of hand_back, one of "+strings.Join(handWords, ", ")+"; of hand: who is to answer").Else("resume, of hand_back"),
	runbook.NewKey("undo_run", runbook.FormText, "who undoes all of it"),
	runbook.NewKey("break_lock", runbook.FormText, "who takes its locks away"),
	runbook.NewKey("crash", runbook.FormDuration, "firebreak is killed, for so long"),
	runbook.NewKey("alert_resolved", runbook.FormFlag, "the alert is over"),
	runbook.NewKey("reason", runbook.FormText, "why"),
	runbook.NewKey("refused", runbook.FormText, "it must be refused, for a reason that holds this text"),
)

var expectShape = runbook.NewShape("expect", "expect",
	runbook.NewKey("end", runbook.FormWord, "how the run ends; waiting: it waits for what never comes").OneOf(endWords...).Needed(),
	runbook.NewKey("why", runbook.FormText, "text that the reason of the end holds"),
	runbook.NewKey("path", runbook.FormTexts, "all steps with an id that began, in that order"),
	runbook.NewKey("ran", runbook.FormTexts, "steps that began"),
	runbook.NewKey("skipped", runbook.FormTexts, "steps that were passed over"),
	runbook.NewKey("status", runbook.FormValues, "how steps stand at the end"),
	runbook.NewKey("changes", runbook.FormTexts, "the steps whose change was begun, in that order, and no other"),
	runbook.NewKey("undone", runbook.FormTexts, "the steps whose change was undone, in that order, and no other"),
	runbook.NewKey("left", runbook.FormTexts, "the steps that stay changed and are not verified, and no other"),
	runbook.NewKey("calls", runbook.FormValues, "by step, STEP.guard, STEP.verify, STEP.undo, STEP.undo.verify or action: how many calls, or the input of each, of which other fields do not matter"),
	runbook.NewKey("asked", runbook.FormListed, "every question to people, in that order, and no other").Of(askedShape),
	runbook.NewKey("notices", runbook.FormListed, "what people are told, in that order, with any others between them").Of(noticeShape),
	runbook.NewKey("vars", runbook.FormValues, "what set steps have set"),
	runbook.NewKey("outputs", runbook.FormValues, "what the run returns; fields that are not named do not matter"),
	runbook.NewKey("within", runbook.FormDuration, "the longest that it may take"),
)

var askedShape = runbook.NewShape("a question", "asked",
	runbook.NewKey("step", runbook.FormText, "that it is about").Needed(),
	runbook.NewKey("question", runbook.FormWord, "its kind").Else("any kind").OneOf(questionWords...),
	runbook.NewKey("roles", runbook.FormTexts, "who may answer"),
	runbook.NewKey("shows", runbook.FormTexts, "the steps whose change is shown"),
	runbook.NewKey("text", runbook.FormText, "that the question holds"),
)

var noticeShape = runbook.NewShape("a notice", "notice",
	runbook.NewKey("to", runbook.FormText, "the role that is told"),
	runbook.NewKey("text", runbook.FormText, "that it holds"),
	runbook.NewKey("page", runbook.FormFlag, "it wakes somebody"),
)

var triggerShape = runbook.NewShape("a trigger's test", "trigger",
	runbook.NewKey("name", runbook.FormText, "what it shows"),
	runbook.NewKey("alert", runbook.FormShape, "as it comes in").Of(alertShape).Needed(),
	runbook.NewKey("starts", runbook.FormTexts, "the runbooks of the folder that answer it: none for []").Else("this one"),
	runbook.NewKey("inputs", runbook.FormValues, "with which inputs this one begins"),
)

// Schema returns the JSON Schema (draft 2020-12) of a test file, for editors.
func Schema() json.RawMessage { return runbook.SchemaOf(fileShape) }

// Shapes returns the mappings of a test file, in the order in which people
// read them.
func Shapes() []*runbook.Shape { return runbook.ShapesOf(fileShape) }
