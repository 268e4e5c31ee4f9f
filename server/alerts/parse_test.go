package alerts

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine/service"
)

// sourcesYAML is the configuration of these tests; the mappings are those of
// docs/alerts.md.
const sourcesYAML = `
sources:
  alertmanager: {kind: alertmanager, secrets: [{secret: "env:A"}]}
  grafana: {kind: grafana, secrets: [{secret: "env:A"}]}
  pagerduty: {kind: pagerduty, secrets: [{secret: "env:A"}]}
  cloudwatch:
    kind: sns
    secrets: [{secret: "env:A"}]
    mapping:
      identity: body.AWSAccountId + " " + body.Region + " " + body.AlarmName
      status: 'body.NewStateValue == "ALARM" ? "firing" : body.NewStateValue == "OK" ? "resolved" : "ignore"'
      starts_at: body.StateChangeTime
      labels: {alertname: body.AlarmName, region: body.Region}
      annotations: {summary: body.NewStateReason}
  opsgenie:
    kind: json
    secrets: [{secret: "env:A"}]
    mapping:
      identity: body.alert.alertId
      status: 'body.action == "Create" ? "firing" : body.action == "Close" ? "resolved" : "ignore"'
      starts_at: body.alert.createdAt
      labels: {alertname: body.alert.message, priority: body.alert.priority}
  datadog:
    kind: json
    secrets: [{secret: "env:A"}]
    mapping:
      identity: body.monitor_id
      status: '(body.alert_transition ?? "Triggered") == "Recovered" ? "resolved" : "firing"'
      labels: {alertname: body.title, priority: body.priority}
`

func source(t testing.TB, name string) *service.Source {
	t.Helper()
	cfg, problems := service.Parse("firebreak.yaml", []byte(sourcesYAML))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return cfg.Sources[name]
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, source, body string
		want               []Alert
		note               string // part of it
	}{
		{
			"two alerts, one of them over", "alertmanager",
			`{"version":"4","status":"firing","groupLabels":{},"alerts":[
				{"status":"firing","labels":{"alertname":"Full","service":"api"},"annotations":{"summary":"it is"},"startsAt":"2026-11-22T12:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p/g","fingerprint":"f1"},
				{"status":"resolved","labels":{"x":"ü \ud83d\udd25"},"startsAt":"2026-11-22T13:00:00+01:00","generatorURL":"","fingerprint":"f2"}],"notification_reason":"new in 0.34"}`,
			[]Alert{
				{Source: "alertmanager", Identity: "f1", StartsAt: noon, Status: Firing, Labels: map[string]string{"alertname": "Full", "service": "api"}, Annotations: map[string]string{"summary": "it is"}, URL: "http://p/g"},
				{Source: "alertmanager", Identity: "f2", StartsAt: noon, Status: Resolved, Labels: map[string]string{"x": "ü 🔥"}, Annotations: map[string]string{}},
			}, "",
		},
		{
			"without a fingerprint the labels tell alerts apart", "alertmanager",
			`{"version":"4","alerts":[{"status":"firing","labels":{"a":"1"}},{"status":"firing","labels":{"a":"1"}},{"status":"firing","labels":{"a":"2"}}]}`,
			[]Alert{
				{Source: "alertmanager", Identity: "8d0f71f86d323ede", Status: Firing, Labels: map[string]string{"a": "1"}, Annotations: map[string]string{}},
				{Source: "alertmanager", Identity: "8d0f71f86d323ede", Status: Firing, Labels: map[string]string{"a": "1"}, Annotations: map[string]string{}},
				{Source: "alertmanager", Identity: "d9f6c5a307153121", Status: Firing, Labels: map[string]string{"a": "2"}, Annotations: map[string]string{}},
			}, "",
		},
		{"no alert", "alertmanager", `{"version":"4","alerts":[]}`, nil, "holds no alert"},
		{
			"grafana", "grafana",
			`{"version":"1","orgId":1,"alerts":[{"status":"firing","labels":{"alertname":"T"},"startsAt":"2026-11-22T12:00:00Z","values":null,"generatorURL":"?orgId=1","fingerprint":"g"}]}`,
			[]Alert{{Source: "grafana", Identity: "g", StartsAt: noon, Status: Firing, Labels: map[string]string{"alertname": "T"}, Annotations: map[string]string{}, URL: "?orgId=1"}}, "",
		},
		{
			"an incident is opened", "pagerduty",
			`{"event":{"id":"E1","event_type":"incident.triggered","agent":null,"client":null,"occurred_at":"2026-11-22T12:00:01Z","data":{"id":"Q1","type":"incident","html_url":"https://pd/Q1","title":"It is full","created_at":"2026-11-22T12:00:00Z","urgency":"high","service":{"id":"S1","summary":"api"},"priority":null}}}`,
			[]Alert{{Source: "pagerduty", Identity: "Q1", StartsAt: noon, Status: Firing, Labels: map[string]string{"alertname": "It is full", "urgency": "high", "service": "api", "service_id": "S1"}, Annotations: map[string]string{"summary": "It is full"}, URL: "https://pd/Q1"}}, "",
		},
		{
			"an incident is opened again", "pagerduty",
			`{"event":{"event_type":"incident.reopened","occurred_at":"2026-11-22T12:00:00Z","data":{"id":"Q1","type":"incident","title":"t"}}}`,
			[]Alert{{Source: "pagerduty", Identity: "Q1", StartsAt: noon, Status: Firing, Labels: map[string]string{"alertname": "t"}, Annotations: map[string]string{"summary": "t"}}}, "",
		},
		{"somebody looks at it", "pagerduty", `{"event":{"event_type":"incident.acknowledged","data":{"id":"Q1","type":"incident"}}}`, nil, "incident.acknowledged starts nothing"},
		{"a test of the subscription", "pagerduty", `{"event":{"event_type":"pagey.ping","data":{"message":"Hello","type":"ping"}}}`, nil, "pagey.ping starts nothing"},
		{"a note is about an incident, and none", "pagerduty", `{"event":{"event_type":"incident.annotated","data":{"id":7}}}`, nil, "incident.annotated"},
		{
			"an alarm through SNS", "cloudwatch",
			`{"Type":"Notification","Message":"{\"AlarmName\":\"A\",\"AWSAccountId\":\"1\",\"Region\":\"EU\",\"NewStateValue\":\"ALARM\",\"NewStateReason\":\"why\",\"StateChangeTime\":\"2026-11-22T12:00:00.000+0000\"}"}`,
			[]Alert{{Source: "cloudwatch", Identity: "1 EU A", StartsAt: noon, Status: Firing, Labels: map[string]string{"alertname": "A", "region": "EU"}, Annotations: map[string]string{"summary": "why"}}}, "",
		},
		{"a handshake of SNS", "cloudwatch", `{"Type":"SubscriptionConfirmation","TopicArn":"arn:t","SubscribeURL":"https://sns/x","Message":"{\"NewStateValue\":\"ALARM\"}"}`, nil, "open https://sns/x"},
		{"a farewell of SNS", "cloudwatch", `{"Type":"UnsubscribeConfirmation","TopicArn":"arn:t","SubscribeURL":"https://sns/x"}`, nil, "no longer sends"},
		{
			"a number as identity, and milliseconds", "opsgenie",
			`{"action":"Create","alert":{"alertId":9007199254740993,"message":"m","createdAt":1795348800000,"priority":"P1"}}`,
			[]Alert{{Source: "opsgenie", Identity: "9007199254740993", StartsAt: noon, Status: Firing, Labels: map[string]string{"alertname": "m", "priority": "P1"}, Annotations: map[string]string{}}}, "",
		},
		{"an acknowledgement whose note looks like a command", "opsgenie", `{"action":"Acknowledge","alert":{"alertId":"1","note":"/run diagnostics"}}`, nil, "no alert"},
		{
			"what is not there is left out", "datadog", `{"monitor_id":7,"title":"t"}`,
			[]Alert{{Source: "datadog", Identity: "7", Status: Firing, Labels: map[string]string{"alertname": "t"}, Annotations: map[string]string{}}}, "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse(source(t, c.source), []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Alerts); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if (c.note == "") != (got.Note == "") || !strings.Contains(got.Note, c.note) {
				t.Errorf("the note is %q, not %q", got.Note, c.note)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, source, body, want string }{
		{"a form", "datadog", `payload=%7B%7D`, "no JSON object"},
		{"nothing", "datadog", ``, "no JSON object"},
		{"a list", "datadog", `[1]`, "no JSON object"},
		{"bytes", "datadog", "{\"a\":\"\xff\"}", "not UTF-8"},
		{"half of it", "alertmanager", `{"version":"4","alerts":[`, "cannot be read"},
		{"another version", "alertmanager", `{"version":"3","alerts":[]}`, `says version "4", and this says "3"`},
		{"a version that is a number", "alertmanager", `{"version":4,"alerts":[]}`, "and this says 4"},
		{"no version", "grafana", `{"alerts":[]}`, "nothing of it"},
		{"grafana's to the wrong source", "alertmanager", `{"version":"1","alerts":[]}`, `this says "1"`},
		{"grafana before 9", "grafana", `{"ruleId":1,"ruleName":"x","state":"alerting"}`, "before version 9"},
		{"a status that is none", "alertmanager", `{"version":"4","alerts":[{"status":"suppressed"}]}`, "neither firing nor resolved"},
		{"pagerduty version 2", "pagerduty", `{"messages":[{"event":"incident.trigger"}]}`, "before version 3"},
		{"an event for pagerduty", "pagerduty", `{"routing_key":"r","event_action":"trigger"}`, "not one sent by it"},
		{"only the data", "pagerduty", `{"id":"Q1","type":"incident"}`, "no event"},
		{"an event of no type", "pagerduty", `{"event":{}}`, "no event_type"},
		{"an incident that is none", "pagerduty", `{"event":{"event_type":"incident.triggered","data":{"id":"S","type":"service"}}}`, "about no incident"},
		{"sns raw", "cloudwatch", `{"AlarmName":"A"}`, "none of Amazon SNS"},
		{"sns with a text", "cloudwatch", `{"Type":"Notification","Message":"hello"}`, "cannot be read as JSON"},
		{"a number too large", "opsgenie", `{"action":"Create","alert":{"alertId":1e999}}`, "cannot be read"},
		{"an alarm without a time that is one", "cloudwatch", `{"Type":"Notification","Message":"{\"AlarmName\":\"A\",\"AWSAccountId\":\"1\",\"Region\":\"EU\",\"NewStateValue\":\"ALARM\",\"StateChangeTime\":\"soon\"}"}`, `"soon" is not a time`},
		{"no identity", "datadog", `{"title":"t"}`, "identity is empty"},
		{"a label that is a list", "datadog", `{"monitor_id":1,"title":["t"]}`, "label alertname is a list"},
		{"what the mapping reads through is null", "opsgenie", `{"action":"Create"}`, "body.alert is null"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse(source(t, c.source), []byte(c.body))
			if _, ok := errors.AsType[*RefusedError](err); !ok || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.source) {
				t.Errorf("got %+v and the error %v, not one with %q", got, err, c.want)
			}
		})
	}
}

// TestPayloads reads what real sources have sent, where FIREBREAK_PAYLOADS
// names a folder of it: each is an alert, a note, or refused in words.
func TestPayloads(t *testing.T) {
	folder := os.Getenv("FIREBREAK_PAYLOADS")
	if folder == "" {
		t.Skip("FIREBREAK_PAYLOADS names no folder")
	}
	seen := map[string]int{}
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		kind := filepath.Base(filepath.Dir(path))
		if err != nil || e.IsDir() || kind == "slack" || filepath.Ext(path) != ".json" {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := kind
		if kind == "generic" {
			name = "cloudwatch"
		}
		s := source(t, name)
		if s == nil {
			return nil
		}
		d, err := Parse(s, body)
		switch {
		case err != nil:
			seen[kind+" refused"]++
			t.Logf("%s: %v", filepath.Base(path), err)
			if kind == "alertmanager" && !strings.Contains(path, "v3") {
				t.Errorf("%s is refused", path)
			}
		case d.Note != "":
			seen[kind+" note"]++
			t.Logf("%s: %s", filepath.Base(path), d.Note)
		default:
			seen[kind+" alerts"] += len(d.Alerts)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(seen)
	if seen["alertmanager alerts"] < 30 || seen["grafana alerts"] == 0 || seen["opsgenie alerts"] == 0 || seen["datadog alerts"] == 0 || seen["generic alerts"] == 0 {
		t.Errorf("too few are alerts: %v", seen)
	}
}

func TestKeyAndJSON(t *testing.T) {
	a := Alert{Source: "am", Identity: "f1", StartsAt: noon.In(time.FixedZone("x", 3600)), Status: Firing, Labels: map[string]string{"alertname": "A"}, Annotations: map[string]string{}}
	if got := a.Key(); got != "am f1 2026-11-22T12:00:00Z" {
		t.Errorf("the key is %q", got)
	}
	raw, err := json.Marshal(a)
	if err != nil || !json.Valid(raw) || !strings.Contains(string(raw), `"labels":{"alertname":"A"}`) {
		t.Errorf("%s, %v", raw, err)
	}
	if a.Name() != "A" {
		t.Errorf("the name is %q", a.Name())
	}
}

// FuzzParse holds that no body makes a parser panic, or an alert that cannot
// be told from others.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"version":"4","alerts":[{"status":"firing","labels":{"a":"b"}}]}`, `{"version":"1","alerts":[{"status":"resolved"}]}`,
		`{"event":{"event_type":"incident.triggered","data":{"id":"Q","type":"incident"}}}`,
		`{"Type":"Notification","Message":"{\"NewStateValue\":\"OK\"}"}`, `{"action":"Close","alert":{"alertId":1}}`, `{"monitor_id":1}`,
	} {
		f.Add([]byte(seed))
	}
	cfg, problems := service.Parse("firebreak.yaml", []byte(sourcesYAML))
	if len(problems) > 0 {
		f.Fatal(problems)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, s := range cfg.Sources {
			d, err := Parse(s, body)
			if err != nil {
				if _, ok := errors.AsType[*RefusedError](err); !ok || len(d.Alerts) > 0 {
					t.Fatalf("%s: %v with %d alerts", s.Name, err, len(d.Alerts))
				}
				continue
			}
			if (len(d.Alerts) == 0) == (d.Note == "") {
				t.Fatalf("%s: %+v", s.Name, d)
			}
			for _, a := range d.Alerts {
				if a.Identity == "" || a.Source != s.Name || a.Labels == nil || a.Annotations == nil || a.Status != Firing && a.Status != Resolved {
					t.Fatalf("%s: %+v", s.Name, a)
				}
				if _, err := json.Marshal(a); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
