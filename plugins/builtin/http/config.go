package http

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const defaultTimeout = 5 * time.Second

// backlogConfig is the backlog section of a service that names this plugin.
type backlogConfig struct {
	Plugin  string              `json:"plugin,omitempty"`
	Status  urls                `json:"status" jsonschema:"URL that answers {waiting, oldest_s, shedding}; a list of one for each replica is summed"`
	Shed    urls                `json:"shed,omitempty" jsonschema:"URL that takes a POST of {older_than, for} and answers {cancelled, refused, until}; or one for each replica; needed by backlog.shed only"`
	Headers map[string]string   `json:"headers,omitempty" jsonschema:"sent with every request; a value may be {secret: ...}"`
	Timeout capability.Duration `json:"timeout,omitzero" jsonschema:"for one request; 5s if left out"`
}

// settingsConfig is the settings section of a service that names this plugin.
type settingsConfig struct {
	Plugin   string              `json:"plugin,omitempty"`
	Replicas urls                `json:"replicas" jsonschema:"URL of each replica's settings: GET answers {SETTING: value}, PATCH takes the same as a merge patch; an ETag that it answers is sent back as If-Match. They are changed in this order"`
	Headers  map[string]string   `json:"headers,omitempty" jsonschema:"sent with every request; a value may be {secret: ...}"`
	Timeout  capability.Duration `json:"timeout,omitzero" jsonschema:"for one request; 5s if left out"`
}

// toolConfig is the section of http.get and http.request.
type toolConfig struct {
	Plugin  string            `json:"plugin,omitempty"`
	Origins map[string]origin `json:"origins,omitempty" jsonschema:"where requests may go, such as https://api.example.com; anywhere if left out"`
}

// origin is a scheme and host that requests may go to.
type origin struct {
	Headers map[string]string `json:"headers,omitempty" jsonschema:"sent with every request to it; a value may be {secret: ...}"`
}

// urls is written as one URL or as a list of them.
type urls []string

// UnmarshalJSON reads a text or a list of texts, each a URL.
func (u *urls) UnmarshalJSON(b []byte) error {
	var one string
	var many []string
	switch {
	case json.Unmarshal(b, &one) == nil:
		many = []string{one}
	case json.Unmarshal(b, &many) != nil || len(many) == 0:
		return fmt.Errorf("want a URL or a list of URLs, have %s", b)
	}
	for _, text := range many {
		if _, err := parseURL(text); err != nil {
			return err
		}
	}
	*u = many
	return nil
}

// parseURL reads a URL that can be asked.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a URL", text)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("%q is not a http or https URL", text)
	}
	return u, nil
}

// The schemas say what a URL and a duration look like, too: a schema's error
// names the key, that of a type's own decoding does not.
const (
	urlPattern      = `^https?://`
	durationPattern = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
)

func typeSchemas() map[reflect.Type]*jsonschema.Schema {
	text := &jsonschema.Schema{Type: "string", Pattern: urlPattern}
	return map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[capability.Duration](): {Type: "string", Format: "go-duration", Pattern: durationPattern},
		reflect.TypeFor[urls]():                {Types: []string{"string", "array"}, Pattern: urlPattern, Items: text, MinItems: new(1)},
		reflect.TypeFor[statuses]():            {Types: []string{"integer", "array"}, Items: &jsonschema.Schema{Type: "integer"}},
		reflect.TypeFor[payload]():             {},
	}
}

// strict decodes a section or an input and refuses what it does not know.
func strict(raw json.RawMessage, into any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = json.RawMessage("{}")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

func header(sets ...map[string]string) http.Header {
	h := http.Header{}
	for _, set := range sets {
		for k, v := range set {
			h.Set(k, v)
		}
	}
	return h
}
