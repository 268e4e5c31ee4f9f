package engine

// Input is something that happened or that somebody asks for. Most inputs
// are requests, not facts: Decide may refuse them.
type Input interface{ isInput() }

// Person is an input that an authenticated person gave. Its refusal is
// recorded.
type Person interface {
	Input
	// Who is the person's name in the configuration, or os:NAME for
	// somebody who is not in it.
	Who() string
}
