package alerts

import (
	"strings"
	"time"
)

// Status is whether an alert goes on.
type Status string

// The statuses.
const (
	Firing   Status = "firing"
	Resolved Status = "resolved"
)

// Alert is one alert, whoever sent it. As JSON it is what runs record and
// expressions read as alert.
type Alert struct {
	Source      string            `json:"source"`   // name of the source in the configuration
	Identity    string            `json:"identity"` // what tells it from other alerts of the source
	Status      Status            `json:"status"`
	StartsAt    time.Time         `json:"startsAt,omitzero"` // zero: the source does not say
	Labels      map[string]string `json:"labels"`            // never nil
	Annotations map[string]string `json:"annotations"`       // never nil
	URL         string            `json:"url,omitempty"`     // where people look; may be empty
}

// Key is what a repeated delivery of the alert has in common with the first
// one, and no other alert has.
func (a *Alert) Key() string {
	starts := ""
	if !a.StartsAt.IsZero() {
		starts = a.StartsAt.UTC().Format(time.RFC3339Nano)
	}
	return strings.Join([]string{a.Source, a.Identity, starts}, " ")
}

// Name is what people call the alert.
func (a *Alert) Name() string {
	if name := a.Labels["alertname"]; name != "" {
		return name
	}
	return a.Identity
}
