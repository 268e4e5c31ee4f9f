package alerts

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/service"
)

func parseMapped(s *service.Source, body []byte) (Delivery, error) {
	v, err := expr.Any().Decode(body)
	if err != nil {
		return Delivery{}, fmt.Errorf("it cannot be read: %w", err)
	}
	return mapping{*s.Mapping, expr.Vars{"body": v}}.alert(s.Name)
}

// mapping evaluates a source's mapping for one body.
type mapping struct {
	service.Mapping

	vars expr.Vars
}

func (m mapping) alert(source string) (Delivery, error) {
	status, err := m.text("status", m.Status)
	if err != nil {
		return Delivery{}, err
	}
	a := Alert{Source: source, Status: Status(status), Labels: map[string]string{}, Annotations: map[string]string{}}
	switch a.Status {
	case Firing, Resolved:
	case "ignore":
		return Delivery{Note: "the mapping says that it is no alert"}, nil
	default:
		return Delivery{}, refusef("it must come to firing, resolved or ignore", "the mapping's status is %q", clip(status))
	}
	if a.Identity, err = m.text("identity", m.Identity); err != nil {
		return Delivery{}, err
	}
	if a.Identity == "" {
		return Delivery{}, refusef("it must be the same for every delivery about one alert", "the mapping's identity is empty")
	}
	if a.URL, err = m.text("url", m.URL); err != nil {
		return Delivery{}, err
	}
	if m.StartsAt != nil {
		v, err := m.StartsAt.Any(m.vars)
		if err != nil {
			return Delivery{}, fmt.Errorf("the mapping's starts_at: %w", err)
		}
		if a.StartsAt, err = moment(v); err != nil {
			return Delivery{}, fmt.Errorf("the mapping's starts_at: %w", err)
		}
	}
	if err := m.fill("label", m.Labels, a.Labels); err != nil {
		return Delivery{}, err
	}
	return Delivery{Alerts: []Alert{a}}, m.fill("annotation", m.Annotations, a.Annotations)
}

func (m mapping) fill(what string, from map[string]*expr.Program, into map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(from)) {
		value, err := m.text(what+" "+name, from[name])
		if err != nil {
			return err
		}
		if value != "" {
			into[name] = value
		}
	}
	return nil
}

// text is an expression's value as text; null is the empty one.
func (m mapping) text(what string, p *expr.Program) (string, error) {
	if p == nil {
		return "", nil
	}
	v, err := p.Any(m.vars)
	if err != nil {
		return "", fmt.Errorf("the mapping's %s: %w", what, err)
	}
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	default:
		return "", fmt.Errorf("the mapping's %s is a list or an object, not text", what)
	}
}
