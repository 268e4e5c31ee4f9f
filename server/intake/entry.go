package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/firebreak-ops/firebreak/server/alerts"
)

// Entry is an alert that has come, and what became of it.
type Entry struct {
	N          int64     // in the order in which alerts came first
	Key        string    // what repeated deliveries have in common
	Source     string    //
	Identity   string    //
	StartsAt   time.Time // zero: the source does not say
	Data       []byte    // the alert as JSON; of a note nothing
	Firing     bool      // it goes on
	ReceivedAt time.Time // first
	LastAt     time.Time // last
	Times      int       // how often it came
	ResolvedAt time.Time // zero: it goes on, or never did
	DecidedAt  time.Time // zero: never
	Outcome    string    // see [Started] and the others; empty: it waits to be decided
	Run        string    // that it began or is part of; empty: none
	Cause      string    // what it has in common with others that one run cures
	Text       string    // why, for people
	Told       bool      // that it is resolved has been dealt with
	Tries      int       // to begin its run, that failed
	NextAt     time.Time // when it is tried again
}

// Delivery is what one request has brought.
type Delivery struct {
	Source string
	IDs    []string // by which its sender tells it from others; none: it does not
	At     time.Time
}

// The outcomes.
const (
	Started   = "started"   // a run began for it
	Joined    = "joined"    // a run of the same cause goes on
	Cooldown  = "cooldown"  // one of the same cause ended a short while ago
	Over      = "over"      // it was resolved before a run began
	Unmatched = "unmatched" // no trigger answers it
	Ambiguous = "ambiguous" // the triggers of several runbooks do
	Retrying  = "retrying"  // the run could not begin, and is tried again
	Failed    = "failed"    // the run could not begin
	Note      = "note"      // it is no alert, such as a handshake
	Refused   = "refused"   // it is not what the source sends
)

// entryOf is a delivery to be stored.
func entryOf(a *alerts.Alert, at time.Time) (Entry, error) {
	data, err := json.Marshal(a)
	return Entry{
		Key: a.Key(), Source: a.Source, Identity: a.Identity, StartsAt: a.StartsAt, Data: data,
		Firing: a.Status == alerts.Firing, ReceivedAt: at,
	}, err
}

// noteOf is a delivery that is no alert. The same one again is counted.
func noteOf(source string, body []byte, outcome, text string, at time.Time) Entry {
	sum := sha256.Sum256(body)
	id := hex.EncodeToString(sum[:8])
	return Entry{
		Key: source + " " + outcome + " " + id, Source: source, Identity: id, Data: []byte("{}"),
		ReceivedAt: at, DecidedAt: at, ResolvedAt: at, Outcome: outcome, Text: text,
	}
}

// Alert is the alert itself.
func (e *Entry) Alert() (alerts.Alert, error) {
	var a alerts.Alert
	err := json.Unmarshal(e.Data, &a)
	return a, err
}
