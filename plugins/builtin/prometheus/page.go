package prometheus

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/firebreak-ops/firebreak/plugins"
)

const mostPage = 16 << 20

// page is one replica's /metrics page.
type page struct {
	client  *http.Client
	address string
	headers map[string]string
	within  time.Duration // for one reading
}

func (p page) name() string { return hostOf(p.address) }

// read fetches the page. wanted, by family name, may be nil for everything.
func (p page) read(ctx context.Context, wanted func(string) bool) (model.Vector, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, p.within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.address, nil)
	if err != nil {
		return nil, time.Time{}, plugins.Fail(plugins.Invalid, "%s: not an address", p.name())
	}
	req.Header.Set("Accept", string(expfmt.NewFormat(expfmt.TypeTextPlain)))
	for k, v := range p.headers {
		req.Header.Set(k, v)
	}
	res, err := p.client.Do(req)
	if err != nil {
		return nil, time.Time{}, unanswered(ctx, p.name(), err)
	}
	defer res.Body.Close()
	at := time.Now()
	if res.StatusCode != http.StatusOK {
		return nil, at, plugins.Fail(classOf(res.StatusCode), "%s answered %s instead of a metrics page", p.name(), res.Status)
	}
	body := io.LimitReader(res.Body, mostPage)
	if wanted == nil {
		wanted = func(string) bool { return true }
	}
	samples, err := parse(body, at, wanted)
	if err != nil {
		return nil, at, plugins.Fail(plugins.Invalid, "%s: its page is not in the Prometheus text format: %v", p.name(), err)
	}
	return samples, at, nil
}

func parse(body io.Reader, at time.Time, wanted func(string) bool) (model.Vector, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(body)
	if err != nil {
		return nil, err
	}
	var out model.Vector
	options := &expfmt.DecodeOptions{Timestamp: model.TimeFromUnixNano(at.UnixNano())}
	for name, family := range families {
		if !wanted(name) {
			continue
		}
		samples, err := expfmt.ExtractSamples(options, family)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, samples...)
	}
	return out, nil
}
