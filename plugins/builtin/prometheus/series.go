package prometheus

import (
	"math"

	"github.com/prometheus/common/model"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func labelsOf(metric model.Metric) map[string]string {
	labels := make(map[string]string, len(metric)+1)
	for k, v := range metric {
		labels[string(k)] = string(v)
	}
	return labels
}

// appendFinite leaves out what JSON has no number for.
func appendFinite(list []capability.Series, labels map[string]string, v model.SampleValue, at model.Time) []capability.Series {
	if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
		return list
	}
	return append(list, capability.Series{Labels: labels, Value: float64(v), At: at.Time().UTC()})
}
