package prometheus

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// selector is what a page can be asked: a metric and labels that must be
// equal, such as http_requests_total{code="200"}.
type selector struct {
	metric string
	labels map[string]string
}

var (
	selectorForm = regexp.MustCompile(`^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\}\s*)?$`)
	labelForm    = regexp.MustCompile(`^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"([^"\\]*)"\s*(?:,|$)`)
)

func parseSelector(text string) (selector, error) {
	refused := plugins.Fail(plugins.Invalid,
		"query %q: /metrics pages can only be asked for name{label=\"value\"}; bind a Prometheus server by url for more", text)
	m := selectorForm.FindStringSubmatch(text)
	if m == nil {
		return selector{}, refused
	}
	s := selector{metric: m[1], labels: map[string]string{}}
	for rest := m[2]; strings.TrimSpace(rest) != ""; {
		l := labelForm.FindStringSubmatch(rest)
		if l == nil {
			return selector{}, refused
		}
		s.labels[l[1]] = l[2]
		rest = rest[len(l[0]):]
	}
	return s, nil
}

// choose returns what matches, labelled with the replica as its instance.
func (s selector) choose(samples model.Vector, replica string) []capability.Series {
	var out []capability.Series
	for _, sample := range samples {
		labels := labelsOf(sample.Metric)
		if labels[model.MetricNameLabel] != s.metric {
			continue
		}
		if _, taken := labels["instance"]; !taken {
			labels["instance"] = replica
		}
		if s.matches(labels) {
			out = appendFinite(out, labels, sample.Value, sample.Timestamp)
		}
	}
	slices.SortFunc(out, func(a, b capability.Series) int { return strings.Compare(fmt.Sprint(a.Labels), fmt.Sprint(b.Labels)) })
	return out
}

func (s selector) matches(labels map[string]string) bool {
	for k, v := range s.labels {
		if labels[k] != v {
			return false
		}
	}
	return true
}
