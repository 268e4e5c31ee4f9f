package engine

import "time"

// AlertOver says that the alert which began the run is resolved. It is never
// evidence that anything was cured.
type AlertOver struct{}

// Kind implements [Event].
func (AlertOver) Kind() string { return "alert_resolved" }

func (AlertOver) apply(*Run, time.Time) {}
