package processes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/google/jsonschema-go/jsonschema"
)

// config is the workload section of a service that names this plugin.
type config struct {
	Plugin   string   `json:"plugin,omitempty"`
	Pidfiles []string `json:"pidfiles" jsonschema:"patterns of the replicas' pidfiles, absolute, such as /run/api/*.pid: one NAME.pid for each"`
	Signal   string   `json:"signal,omitempty" jsonschema:"what ends a replica well, which its supervisor starts again: TERM, INT, QUIT or HUP; TERM if left out"`
	Ready    string   `json:"ready,omitempty" jsonschema:"URL that answers 200 when a replica is ready; {name} and {port} are replaced, the port from NAME.port; ready as soon as it runs if left out"`
}

func configSchema() json.RawMessage {
	s, err := jsonschema.For[config](nil)
	if err != nil {
		return nil
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil
	}
	return raw
}

// parseConfig checks a section without looking at the disk. Its errors name
// the key.
func parseConfig(raw json.RawMessage) (config, syscall.Signal, error) {
	var c config
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, 0, fmt.Errorf("workload: %w", err)
	}
	if len(c.Pidfiles) == 0 {
		return c, 0, errors.New("pidfiles: name at least one pattern, such as /run/api/*.pid")
	}
	for _, p := range c.Pidfiles {
		if _, err := filepath.Match(p, ""); err != nil || !filepath.IsAbs(p) {
			return c, 0, fmt.Errorf("pidfiles: %q is not an absolute pattern, such as /run/api/*.pid", p)
		}
	}
	signals := map[string]syscall.Signal{"": syscall.SIGTERM, "TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "HUP": syscall.SIGHUP}
	signal, ok := signals[strings.TrimPrefix(c.Signal, "SIG")]
	if !ok {
		return c, 0, fmt.Errorf("signal: %q is not one of TERM, INT, QUIT, HUP", c.Signal)
	}
	if c.Signal = strings.TrimPrefix(c.Signal, "SIG"); c.Signal == "" {
		c.Signal = "TERM"
	}
	if c.Ready != "" {
		u, err := url.Parse(fill(c.Ready, "name", "1"))
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return c, 0, fmt.Errorf("ready: %q is not a http or https URL, such as http://127.0.0.1:{port}/ready", c.Ready)
		}
	}
	return c, signal, nil
}

// fill puts a replica's name and port into the URL.
func fill(template, name, port string) string {
	return strings.NewReplacer("{name}", url.PathEscape(name), "{port}", port).Replace(template)
}
