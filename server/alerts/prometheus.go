package alerts

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine/service"
)

// prometheusAlert is an alert in the webhook of Prometheus' Alertmanager, and
// of Grafana, which took it over.
type prometheusAlert struct {
	Status       Status            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

// versions are what the two say of themselves.
var versions = map[string]string{service.KindAlertmanager: "4", service.KindGrafana: "1"}

func parsePrometheus(s *service.Source, body []byte) (Delivery, error) {
	head, err := decode[struct {
		Version json.RawMessage `json:"version"`
		RuleID  json.RawMessage `json:"ruleId"`
	}](body)
	want := versions[s.Kind]
	switch {
	case err != nil:
		return Delivery{}, err
	case s.Kind == service.KindGrafana && head.RuleID != nil:
		return Delivery{}, refusef("use unified alerting, or a source of kind: json", "it is of Grafana's alerting before version 9")
	case string(head.Version) != `"`+want+`"`:
		return Delivery{}, refusef("", "%s's webhook says version %q, and this says %.40s", s.Kind, want, orNothing(head.Version))
	}
	all, err := decode[struct {
		Alerts []prometheusAlert `json:"alerts"`
	}](body)
	if err != nil {
		return Delivery{}, err
	}
	if len(all.Alerts) == 0 {
		return Delivery{Note: "it holds no alert"}, nil
	}
	d := Delivery{Alerts: make([]Alert, 0, len(all.Alerts))}
	for i, in := range all.Alerts {
		if in.Status != Firing && in.Status != Resolved {
			return Delivery{}, refusef("", "alert %d has the status %.40q, which is neither firing nor resolved", i+1, in.Status)
		}
		d.Alerts = append(d.Alerts, Alert{
			Source: s.Name, Identity: fingerprint(in), StartsAt: in.StartsAt.UTC(), Status: in.Status,
			Labels: orEmpty(in.Labels), Annotations: orEmpty(in.Annotations), URL: in.GeneratorURL,
		})
	}
	return d, nil
}

// fingerprint is the sender's, or, of one that sends none, made of the labels.
func fingerprint(a prometheusAlert) string {
	if a.Fingerprint != "" {
		return a.Fingerprint
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		fmt.Fprintf(h, "%q=%q,", name, a.Labels[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func orNothing(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "nothing of it"
	}
	return string(raw)
}
