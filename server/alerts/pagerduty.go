package alerts

import (
	"encoding/json"
	"time"

	"github.com/firebreak-ops/firebreak/engine/service"
)

// pagerDutyEvent is an event of PagerDuty's webhooks, version 3.
type pagerDutyEvent struct {
	Type       string            `json:"event_type"`
	OccurredAt time.Time         `json:"occurred_at"`
	Data       pagerDutyIncident `json:"data"`
}

// pagerDutyIncident is what an event is about; where that is no incident, its
// type says so.
type pagerDutyIncident struct {
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	Title      string          `json:"title"`
	URL        string          `json:"html_url"`
	Key        string          `json:"incident_key"`
	Urgency    string          `json:"urgency"`
	CreatedAt  time.Time       `json:"created_at"`
	ReopenedAt time.Time       `json:"reopened_at"`
	Service    *pagerDutyNamed `json:"service"`
	Priority   *pagerDutyNamed `json:"priority"`
}

type pagerDutyNamed struct {
	ID      string `json:"id"`
	Summary string `json:"summary"`
}

func parsePagerDuty(s *service.Source, body []byte) (Delivery, error) {
	head, err := decode[struct {
		Event    json.RawMessage `json:"event"`
		Messages json.RawMessage `json:"messages"`
		Routing  json.RawMessage `json:"routing_key"`
	}](body)
	switch {
	case err != nil:
		return Delivery{}, err
	case head.Messages != nil:
		return Delivery{}, refusef("make a Generic Webhook (v3) under Integrations", "it is a PagerDuty webhook before version 3")
	case head.Routing != nil:
		return Delivery{}, refusef("make a Generic Webhook (v3) under Integrations", "it is an event sent to PagerDuty, not one sent by it")
	case head.Event == nil:
		return Delivery{}, refusef("", "it has no event")
	}
	kind, err := decode[struct {
		Type string    `json:"event_type"`
		ID   string    `json:"id"`
		At   time.Time `json:"occurred_at"`
	}](head.Event)
	if err != nil {
		return Delivery{}, err
	}
	var status Status
	switch kind.Type {
	case "":
		return Delivery{}, refusef("", "its event has no event_type")
	case "incident.triggered", "incident.reopened":
		status = Firing
	case "incident.resolved":
		status = Resolved
	default:
		return Delivery{Note: "an event " + clip(kind.Type) + " starts nothing", ID: kind.ID, At: kind.At}, nil
	}
	event, err := decode[pagerDutyEvent](head.Event)
	if err != nil {
		return Delivery{}, err
	}
	in := event.Data
	if in.ID == "" || in.Type != "incident" {
		return Delivery{}, refusef("", "its event %s is about no incident", kind.Type)
	}
	return Delivery{ID: kind.ID, At: kind.At, Alerts: []Alert{{
		Source: s.Name, Identity: in.ID, StartsAt: event.began(), Status: status,
		Labels: in.labels(), Annotations: map[string]string{"summary": in.Title}, URL: in.URL,
	}}}, nil
}

// began is when the incident was opened last: all events until it is resolved
// say the same.
func (e pagerDutyEvent) began() time.Time {
	switch {
	case !e.Data.ReopenedAt.IsZero():
		return e.Data.ReopenedAt.UTC()
	case !e.Data.CreatedAt.IsZero():
		return e.Data.CreatedAt.UTC()
	case e.Type == "incident.reopened":
		return e.OccurredAt.UTC()
	}
	return time.Time{} // the incident's id alone tells it from others
}

func (in pagerDutyIncident) labels() map[string]string {
	labels := map[string]string{"alertname": in.Title}
	for name, value := range map[string]string{"urgency": in.Urgency, "incident_key": in.Key} {
		if value != "" {
			labels[name] = value
		}
	}
	if in.Service != nil {
		labels["service"], labels["service_id"] = in.Service.Summary, in.Service.ID
	}
	if in.Priority != nil {
		labels["priority"] = in.Priority.Summary
	}
	return labels
}

// clip bounds what is repeated of a text that somebody sent.
func clip(text string) string {
	const longest = 80
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return text
}
