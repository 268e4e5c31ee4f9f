package alerts

import (
	"encoding/json"
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

// Alert is one alert, whoever sent it.
type Alert struct {
	Source      string            // name of the source in the configuration
	Identity    string            // what tells it from other alerts of the source
	StartsAt    time.Time         // zero: the source does not say
	Status      Status            //
	Labels      map[string]string // never nil
	Annotations map[string]string // never nil
	URL         string            // where people look; may be empty
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

// JSON is the alert as runs record it and expressions read it.
func (a *Alert) JSON() (json.RawMessage, error) {
	return json.Marshal(struct {
		Source      string            `json:"source"`
		Identity    string            `json:"identity"`
		Status      Status            `json:"status"`
		StartsAt    time.Time         `json:"startsAt,omitzero"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		URL         string            `json:"url,omitempty"`
	}{a.Source, a.Identity, a.Status, a.StartsAt, a.Labels, a.Annotations, a.URL})
}
