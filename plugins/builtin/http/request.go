package http

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// getInput is the input of http.get.
type getInput struct {
	URL          string              `json:"url"`
	Headers      map[string]string   `json:"headers,omitempty"`
	ExpectStatus statuses            `json:"expect_status,omitempty" jsonschema:"status, or list of them, that counts as success; any 2xx if left out"`
	Timeout      capability.Duration `json:"timeout,omitzero" jsonschema:"5s if left out"`
}

// requestInput is the input of http.request.
type requestInput struct {
	getInput
	Method   string  `json:"method" jsonschema:"such as POST; not GET, which is http.get"`
	Resource string  `json:"resource" jsonschema:"identity of what is changed, such as cdn:example.com; locks are taken on it"`
	Body     payload `json:"body,omitzero" jsonschema:"text is sent as it is, anything else as JSON"`
}

// response is the output of both.
type response struct {
	Status    int               `json:"status"`
	Headers   map[string]string `json:"headers"`
	JSON      any               `json:"json" jsonschema:"the body, if it is JSON"`
	Body      *string           `json:"body" jsonschema:"the body, if it is not JSON"`
	Truncated bool              `json:"truncated" jsonschema:"the body was longer than what is returned"`
	Seconds   float64           `json:"seconds"`
}

// statuses is written as one status or as a list of them.
type statuses []int

// UnmarshalJSON reads an integer or a list of integers.
func (s *statuses) UnmarshalJSON(b []byte) error {
	var one int
	if json.Unmarshal(b, &one) == nil {
		*s = statuses{one}
		return nil
	}
	var many []int
	if err := json.Unmarshal(b, &many); err != nil {
		return fmt.Errorf("want a status or a list of them, have %s", b)
	}
	*s = many
	return nil
}

// payload is a request's body, as JSON.
type payload struct{ raw json.RawMessage }

// UnmarshalJSON keeps the value as it is written.
func (p *payload) UnmarshalJSON(b []byte) error {
	p.raw = bytes.Clone(b)
	return nil
}

// encode returns the bytes to send and their type: text as it is, anything
// else as JSON.
func (p payload) encode() (body []byte, contentType string) {
	var text string
	switch {
	case len(p.raw) == 0 || string(p.raw) == "null":
		return nil, ""
	case json.Unmarshal(p.raw, &text) == nil:
		return []byte(text), ""
	}
	return p.raw, "application/json"
}

func (in getInput) timeout() time.Duration {
	if in.Timeout == 0 {
		return defaultTimeout
	}
	return in.Timeout.Std()
}

// parseCall reads the input of either action.
func parseCall(call plugins.Call) (requestInput, error) {
	if len(call.Receipt) > 0 {
		return requestInput{}, plugins.Fail(plugins.Invalid, "%s takes no receipt: a request cannot be undone", call.Action)
	}
	switch call.Action {
	case "http.get":
		in := requestInput{Method: http.MethodGet}
		if err := strict(call.Input, &in.getInput); err != nil {
			return in, plugins.Fail(plugins.Invalid, "input of http.get: %v", err)
		}
		return in, nil
	case "http.request":
		return parseRequest(call)
	}
	return requestInput{}, plugins.Fail(plugins.Invalid, "plugin http has no action %q", call.Action)
}

func parseRequest(call plugins.Call) (requestInput, error) {
	var in requestInput
	if err := strict(call.Input, &in); err != nil {
		return in, plugins.Fail(plugins.Invalid, "input of http.request: %v", err)
	}
	writing := []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	switch {
	case !slices.Contains(writing, in.Method):
		return in, plugins.Fail(plugins.Invalid, "method: %q is not one of POST, PUT, PATCH, DELETE; to read use http.get", in.Method)
	case in.Resource == "":
		return in, plugins.Fail(plugins.Invalid, "resource: name what the request changes, so that no two runs change it at once")
	}
	return in, nil
}

// maxOutputs keeps outputs below what a step may return, however its body
// grows when it is written as JSON.
const maxOutputs = 192 << 10

// outputs never has a body larger than fits.
func outputs(got answer, took time.Duration) (json.RawMessage, error) {
	r := response{Status: got.status, Headers: map[string]string{}, Truncated: got.truncated, Seconds: took.Seconds()}
	for name := range got.header {
		if name != "Set-Cookie" { // a credential
			r.Headers[name] = got.header.Get(name)
		}
	}
	body := got.body
	if !got.truncated && len(body) <= maxOutputs/2 && json.Valid(body) {
		r.JSON = json.RawMessage(body)
		return json.Marshal(r)
	}
	for {
		text := string(bytes.ToValidUTF8(body, []byte("\ufffd")))
		r.Body = &text
		raw, err := json.Marshal(r)
		if err != nil || len(raw) <= maxOutputs || len(body) == 0 {
			return raw, err
		}
		body, r.Truncated = body[:len(body)/2], true
	}
}
