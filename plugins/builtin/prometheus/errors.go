package prometheus

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// errorSeries count what a database's client met, by class. The first is
// OpenTelemetry's, where an operation that failed has a class as its label.
var errorSeries = []string{
	"db_client_operation_duration_seconds_count",
	"db_client_operation_duration_count",
	"db_client_errors_total",
	"db_client_operation_errors_total",
	"db_connection_errors_total",
	"db_errors_total",
	"pgx_errors_total",
	"pgx_operation_errors_total",
	"pgxpool_errors_total",
	"postgres_errors_total",
	"sql_errors_total",
}

// errorLabels are the labels that may hold the class, the more exact first.
var errorLabels = []model.LabelName{
	"db_response_status_code", "sqlstate", "sql_state", "pgx_sql_state", "code", "error_code", "error_type", "class", "reason", "kind", "error", "type",
}

const (
	mostClasses = 20
	mostClass   = 120 // bytes of a class
)

// errorsOf counts errors by class; nil where none are counted. Of the series
// that say the same the first that has classes is read.
func errorsOf(byName map[string][]*model.Sample) map[string]float64 {
	for _, name := range errorSeries {
		var out map[string]float64
		for _, sample := range byName[name] {
			if out == nil {
				out = map[string]float64{}
			}
			if class := classIn(sample.Metric); class != "" {
				out[class] += float64(sample.Value)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

func classIn(metric model.Metric) string {
	for _, label := range errorLabels {
		if class := strings.TrimSpace(string(metric[label])); class != "" {
			return strings.ToValidUTF8(class[:min(len(class), mostClass)], "")
		}
	}
	return ""
}

// errorsSince is what was counted from from to to, which reaches back to right
// before an onset: what broke when it began, such as a server that restarted,
// was met before it was enough to be trouble.
func errorsSince(histories []history, from, to time.Time) []capability.ErrorClass {
	var all [][]snapshot
	for _, h := range histories {
		if snaps := h.between(from, to); len(snaps) > 0 {
			all = append(all, snaps)
		}
	}
	return errorsBetween(all)
}

// errorsBetween is what was counted over the snapshots of all replicas, most
// first.
func errorsBetween(all [][]snapshot) []capability.ErrorClass {
	sums := map[string]float64{}
	for _, snapshots := range all {
		classes := map[string]bool{}
		for _, s := range snapshots {
			for class := range s.errors {
				classes[class] = true
			}
		}
		for class := range classes {
			n := grown(snapshots, func(s snapshot) float64 {
				if s.errors == nil {
					return nan
				}
				return s.errors[class] // not yet counted is none
			})
			if !math.IsNaN(n) {
				sums[class] += n
			}
		}
	}
	var out []capability.ErrorClass
	for _, class := range slices.Sorted(maps.Keys(sums)) {
		if n := int(math.Round(sums[class])); n > 0 {
			out = append(out, capability.ErrorClass{Class: class, Count: n})
		}
	}
	slices.SortStableFunc(out, func(a, b capability.ErrorClass) int { return cmp.Compare(b.Count, a.Count) })
	return out[:min(len(out), mostClasses)]
}
