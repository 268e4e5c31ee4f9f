package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// decoders reads an event of every kind. An event that is no longer written
// stays here: old journals hold it.
var decoders = map[string]func([]byte) (Event, error){
	RunStarted{}.Kind():         decodeAs[RunStarted],
	RunRecovered{}.Kind():       decodeAs[RunRecovered],
	LocksWanted{}.Kind():        decodeAs[LocksWanted],
	LocksTaken{}.Kind():         decodeAs[LocksTaken],
	LockTried{}.Kind():          decodeAs[LockTried],
	LockAdded{}.Kind():          decodeAs[LockAdded],
	StepStarted{}.Kind():        decodeAs[StepStarted],
	StepSkipped{}.Kind():        decodeAs[StepSkipped],
	ReadBegan{}.Kind():          decodeAs[ReadBegan],
	PlanBegan{}.Kind():          decodeAs[PlanBegan],
	StepPlanned{}.Kind():        decodeAs[StepPlanned],
	GatePlanBegan{}.Kind():      decodeAs[GatePlanBegan],
	MemberPlanned{}.Kind():      decodeAs[MemberPlanned],
	MemberUnplanned{}.Kind():    decodeAs[MemberUnplanned],
	QuestionOpened{}.Kind():     decodeAs[QuestionOpened],
	RunBarred{}.Kind():          decodeAs[RunBarred],
	WouldHave{}.Kind():          decodeAs[WouldHave],
	QuestionDue{}.Kind():        decodeAs[QuestionDue],
	QuestionAnnounced{}.Kind():  decodeAs[QuestionAnnounced],
	QuestionDecided{}.Kind():    decodeAs[QuestionDecided],
	VoteCounted{}.Kind():        decodeAs[VoteCounted],
	VoteWithdrawn{}.Kind():      decodeAs[VoteWithdrawn],
	QuestionHanded{}.Kind():     decodeAs[QuestionHanded],
	QuestionExtended{}.Kind():   decodeAs[QuestionExtended],
	QuestionEscalated{}.Kind():  decodeAs[QuestionEscalated],
	QuestionSeen{}.Kind():       decodeAs[QuestionSeen],
	GateVoided{}.Kind():         decodeAs[GateVoided],
	GuardBegan{}.Kind():         decodeAs[GuardBegan],
	GuardAnswered{}.Kind():      decodeAs[GuardAnswered],
	GuardPassed{}.Kind():        decodeAs[GuardPassed],
	Intended{}.Kind():           decodeAs[Intended],
	Acted{}.Kind():              decodeAs[Acted],
	StepSucceeded{}.Kind():      decodeAs[StepSucceeded],
	StepFailed{}.Kind():         decodeAs[StepFailed],
	StepSaid{}.Kind():           decodeAs[StepSaid],
	RetryScheduled{}.Kind():     decodeAs[RetryScheduled],
	EffectLost{}.Kind():         decodeAs[EffectLost],
	ProbeBegan{}.Kind():         decodeAs[ProbeBegan],
	InDoubt{}.Kind():            decodeAs[InDoubt],
	DoubtResolved{}.Kind():      decodeAs[DoubtResolved],
	SamplingBegan{}.Kind():      decodeAs[SamplingBegan],
	Sampled{}.Kind():            decodeAs[Sampled],
	VerifyVerdict{}.Kind():      decodeAs[VerifyVerdict],
	Committed{}.Kind():          decodeAs[Committed],
	ValueProvided{}.Kind():      decodeAs[ValueProvided],
	VarsSet{}.Kind():            decodeAs[VarsSet],
	WaitBegan{}.Kind():          decodeAs[WaitBegan],
	GroupEntered{}.Kind():       decodeAs[GroupEntered],
	NoticeQueued{}.Kind():       decodeAs[NoticeQueued],
	NoticeSent{}.Kind():         decodeAs[NoticeSent],
	Troubled{}.Kind():           decodeAs[Troubled],
	PhaseEntered{}.Kind():       decodeAs[PhaseEntered],
	UndoBegan{}.Kind():          decodeAs[UndoBegan],
	UndoIntended{}.Kind():       decodeAs[UndoIntended],
	StepUndone{}.Kind():         decodeAs[StepUndone],
	UndoFailed{}.Kind():         decodeAs[UndoFailed],
	EffectKept{}.Kind():         decodeAs[EffectKept],
	Stopped{}.Kind():            decodeAs[Stopped],
	StopLifted{}.Kind():         decodeAs[StopLifted],
	LockBroken{}.Kind():         decodeAs[LockBroken],
	HandedBack{}.Kind():         decodeAs[HandedBack],
	UndoAsked{}.Kind():          decodeAs[UndoAsked],
	UndoRetryScheduled{}.Kind(): decodeAs[UndoRetryScheduled],
	UndoRetryBegan{}.Kind():     decodeAs[UndoRetryBegan],
	UndoSamplingBegan{}.Kind():  decodeAs[UndoSamplingBegan],
	UndoSampled{}.Kind():        decodeAs[UndoSampled],
	UndoVerdict{}.Kind():        decodeAs[UndoVerdict],
	ItemsKnown{}.Kind():         decodeAs[ItemsKnown],
	Called{}.Kind():             decodeAs[Called],
	OutputsMade{}.Kind():        decodeAs[OutputsMade],
	InputRefused{}.Kind():       decodeAs[InputRefused],
	AlertOver{}.Kind():          decodeAs[AlertOver],
	ChangeSeen{}.Kind():         decodeAs[ChangeSeen],
	LateResult{}.Kind():         decodeAs[LateResult],
	RunEnded{}.Kind():           decodeAs[RunEnded],
	RunJoined{}.Kind():          decodeAs[RunJoined],
	UndoForced{}.Kind():         decodeAs[UndoForced],
	StepStopped{}.Kind():        decodeAs[StepStopped],
	RetryBegan{}.Kind():         decodeAs[RetryBegan],
	GroupDone{}.Kind():          decodeAs[GroupDone],
}

// MarshalEvent returns the event's kind and its JSON. What an event holds as
// JSON stays as it is, to the byte: plans are compared after they were stored.
func MarshalEvent(e Event) (kind string, data []byte, err error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return "", nil, fmt.Errorf("encode event %s: %w", e.Kind(), err)
	}
	return e.Kind(), bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// UnmarshalEvent reads what [MarshalEvent] wrote. A kind that this version
// does not know comes back as an event that changes nothing and is kept as
// it is.
func UnmarshalEvent(kind string, data []byte) (Event, error) {
	decode, ok := decoders[kind]
	if !ok {
		return Unknown{kind: kind, data: bytes.Clone(data)}, nil
	}
	return decode(data)
}

func decodeAs[E Event](data []byte) (Event, error) {
	var e E
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("decode event %s: %w", e.Kind(), err)
	}
	return e, nil
}
