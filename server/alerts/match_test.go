package alerts

import (
	"errors"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

func book(t *testing.T, name, triggers string) *runbook.Runbook {
	t.Helper()
	src := "firebreak: v1\nname: " + name + "\ntitle: t\nowner: sre\ninputs:\n  service: {type: text}\n  size: {type: integer, default: 1}\n" +
		triggers + "steps:\n  - id: rest\n    wait: 1s\n  - notify: sre\n    text: ${{ inputs.service }} ${{ inputs.size }}\n"
	src = strings.ReplaceAll(src, "type: text", "type: string")
	b, problems := runbook.Parse(name+".yaml", []byte(src), runbook.Catalog{}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return b
}

func alert(labels ...string) *Alert {
	a := &Alert{Source: "am", Identity: "f", Status: Firing, Labels: map[string]string{}, Annotations: map[string]string{}}
	for i := 0; i < len(labels); i += 2 {
		a.Labels[labels[i]] = labels[i+1]
	}
	return a
}

func TestMatch(t *testing.T) {
	full := book(t, "full", "triggers:\n  - alert: alert.labels.alertname in [\"Full\", \"Fuller\"]\n    inputs:\n      service: ${{ alert.labels.service }}\n  - alert: alert.labels.service == \"db\"\n    inputs:\n      service: db\n")
	m := NewMatcher([]*runbook.Runbook{
		full,
		book(t, "slow", "triggers:\n  - alert: alert.labels.alertname == \"Slow\" && alert.labels.severity == \"critical\"\n    inputs:\n      service: ${{ alert.labels.service }}\n"),
		book(t, "silent", ""),
		book(t, "vast", "triggers:\n  - alert: alert.labels.team == \"sre\"\n"),
	})
	got, err := m.Match(alert("alertname", "Full", "service", "api"))
	if err != nil || got.Book != full || string(got.Inputs["service"]) != `"api"` || len(got.Inputs) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if got.Cause() != `full service="api"` {
		t.Errorf("the cause is %s", got.Cause())
	}
	first, err := m.Match(alert("alertname", "Fuller", "service", "db"))
	if err != nil || first.Trigger != &full.Triggers[0] {
		t.Errorf("of two triggers of a runbook the first counts: %+v, %v", first, err)
	}

	_, err = m.Match(alert("alertname", "Full", "team", "sre"))
	if both, ok := errors.AsType[*AmbiguousError](err); !ok || strings.Join(both.Runbooks, " ") != "full vast" {
		t.Errorf("two runbooks: %v", err)
	}
	_, err = m.Match(alert("alertname", "Full"))
	if bad, ok := errors.AsType[*InputsError](err); !ok || !strings.Contains(bad.Error(), "input service") {
		t.Errorf("without the label that an input needs: %v", err)
	}
	for _, c := range []struct {
		alert *Alert
		want  string
	}{
		{alert("alertname", "Slow", "severity", "page"), `the nearest is of slow (slow.yaml:9:5): alert.labels.severity == "critical" is not so: alert.labels.severity is "page"`},
		{alert("alertname", "Ful"), `the nearest is of full (full.yaml:9:5): alert.labels.alertname in ["Full", "Fuller"] is not so: alert.labels.alertname is "Ful"`},
		{alert("severity", "critical"), `of slow (slow.yaml:9:5): alert.labels.alertname == "Slow" is not so: there is no alert.labels.alertname`},
		{alert(), "no trigger answers it; the nearest is"},
	} {
		_, err := m.Match(c.alert)
		if _, ok := errors.AsType[*UnmatchedError](err); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v\n  is not\n%s", err, c.want)
		}
	}
	if _, err := NewMatcher(nil).Match(alert()); err == nil || err.Error() != "no runbook has a trigger" {
		t.Error(err)
	}
}
