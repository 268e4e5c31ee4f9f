package engine

// What a run is to do that is handed back.
const (
	HandResume = "resume" // go on: what is left is planned, guarded and asked again
	HandVerify = "verify" // what is left of its step was done by hand: verify that
	HandEnd    = "end"    // end as things are
)

// HandBack gives a run back that was taken over.
type HandBack struct {
	By     string
	To     string // [HandResume], [HandVerify] or [HandEnd]
	Reason string
}

func (HandBack) isInput() {}

// Who implements [Person].
func (h HandBack) Who() string { return h.By }
