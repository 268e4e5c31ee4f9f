package engine_test

var (
	gateStories, driftStories, guardStories, verifyStories, undoStories          []story
	handlerStories, stopStories, doubtStories, recoveryStories, skipStories, lockStories []story
)
