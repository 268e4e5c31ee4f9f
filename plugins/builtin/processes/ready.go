package processes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
)

const maxReady = 64 << 10

// readiness is what a replica says of itself; it is ready if reason is empty.
type readiness struct {
	version string
	reason  string
}

// readiness asks all replicas side by side.
func (b *bound) readiness(ctx context.Context, all []replica) []readiness {
	out := make([]readiness, len(all))
	var wg sync.WaitGroup
	for i, r := range all {
		wg.Go(func() { out[i] = b.readinessOf(ctx, r) })
	}
	wg.Wait()
	return out
}

func (b *bound) readinessOf(ctx context.Context, r replica) readiness {
	if !r.runs() {
		return readiness{reason: r.reason}
	}
	if b.ready == "" {
		return readiness{}
	}
	at, err := b.readyURL(r)
	if err != nil {
		return readiness{reason: err.Error()}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return readiness{reason: err.Error()}
	}
	res, err := b.client.Do(req)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err
		}
		return readiness{reason: fmt.Sprintf("not ready: %s: %v", at, err)}
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return readiness{reason: fmt.Sprintf("not ready: %s answered %s", at, res.Status)}
	}
	var says struct {
		Version string `json:"version"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxReady)).Decode(&says); err != nil {
		return readiness{} // ready, and says nothing more
	}
	return readiness{version: says.Version}
}

// readyURL reads the replica's port, which may be another one after each
// start.
func (b *bound) readyURL(r replica) (string, error) {
	port := ""
	if strings.Contains(b.ready, "{port}") {
		file := strings.TrimSuffix(r.pidfile, ".pid") + ".port"
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("not ready: %w", err)
		}
		port = strings.TrimSpace(string(content))
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "", fmt.Errorf("not ready: %s does not hold a port", file)
		}
	}
	return fill(b.ready, r.name, port), nil
}
