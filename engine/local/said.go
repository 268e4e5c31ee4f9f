package local

import (
	"encoding/json"
	"fmt"

	"github.com/firebreak-ops/firebreak/engine"
)

// The names under which people's inputs are kept until an owner drives runs.
const (
	saidVote      = "vote"
	saidAnswer    = "answer"
	saidCancel    = "cancel"
	saidSkip      = "skip"
	saidUndo      = "undo_run"
	saidBreakLock = "break_lock"
	saidHandBack  = "hand_back"
	saidTakeOver  = "take_over"
	saidExtend    = "extend"
	saidProvide   = "provide"
	saidHand      = "hand"
	saidWithdraw  = "withdraw"
)

// encode makes an input fit to be kept.
func encode(in engine.Person) (Said, error) {
	var kind string
	switch in.(type) {
	case engine.Vote:
		kind = saidVote
	case engine.Answer:
		kind = saidAnswer
	case engine.Cancel:
		kind = saidCancel
	case engine.Skip:
		kind = saidSkip
	case engine.UndoRun:
		kind = saidUndo
	case engine.BreakLock:
		kind = saidBreakLock
	case engine.HandBack:
		kind = saidHandBack
	case engine.TakeOver:
		kind = saidTakeOver
	case engine.Extend:
		kind = saidExtend
	case engine.Provide:
		kind = saidProvide
	case engine.Hand:
		kind = saidHand
	case engine.Withdraw:
		kind = saidWithdraw
	default:
		return Said{}, NewError(ClassInvalid, fmt.Sprintf("%T cannot be said while no owner drives runs", in), "", nil)
	}
	data, err := json.Marshal(in)
	if err != nil {
		return Said{}, fmt.Errorf("encode what was said: %w", err)
	}
	return Said{Kind: kind, Data: data}, nil
}

// decode reads what encode wrote.
func decode(s Said) (engine.Input, error) {
	switch s.Kind {
	case saidVote:
		return read[engine.Vote](s)
	case saidAnswer:
		return read[engine.Answer](s)
	case saidCancel:
		return read[engine.Cancel](s)
	case saidSkip:
		return read[engine.Skip](s)
	case saidUndo:
		return read[engine.UndoRun](s)
	case saidBreakLock:
		return read[engine.BreakLock](s)
	case saidHandBack:
		return read[engine.HandBack](s)
	case saidTakeOver:
		return read[engine.TakeOver](s)
	case saidExtend:
		return read[engine.Extend](s)
	case saidProvide:
		return read[engine.Provide](s)
	case saidHand:
		return read[engine.Hand](s)
	case saidWithdraw:
		return read[engine.Withdraw](s)
	default:
		return nil, NewError(ClassUnreadable, fmt.Sprintf("what was said to run %s is of the unknown kind %q", s.Run, s.Kind),
			"a newer version of firebreak can read it", nil)
	}
}

func read[T engine.Person](s Said) (engine.Input, error) {
	var in T
	if err := json.Unmarshal(s.Data, &in); err != nil {
		return nil, fmt.Errorf("read what was said to run %s: %w", s.Run, err)
	}
	return in, nil
}
