package git

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"reflect"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/plugins/document"
)

// config is the settings section of a service that names this plugin.
type config struct {
	Plugin  string   `json:"plugin,omitempty"`
	Repo    string   `json:"repo" jsonschema:"folder of the repository, bare or not, on this machine"`
	Remote  address  `json:"remote,omitzero" jsonschema:"http or https address of the repository that repo is a copy of, bare and for firebreak alone: fetched from before everything; write {secret: ...} where it holds a password. Over ssh: {address: ssh://git@HOST/PATH, key: {secret: ...}}, with the private key"`
	Mutate  address  `json:"mutate,omitzero" jsonschema:"the same with the right to push; needed to write where there is a remote; write {secret: ...}"`
	Hosts   []string `json:"host_keys,omitempty" jsonschema:"over ssh: the public keys of the host, one of which it must show, such as ssh-ed25519 AAAA...; ssh-keyscan HOST prints them, and whoever runs the host says whether they are right"`
	Path    string   `json:"path" jsonschema:"the settings file inside it, such as api/pool.yaml"`
	Branch  string   `json:"branch,omitempty" jsonschema:"main if left out, or what HEAD names where there is no main"`
	Key     string   `json:"key,omitempty" jsonschema:"what every setting's name is below in the file, such as api.production; the whole file if left out"`
	LiveURL []string `json:"live_url,omitempty" jsonschema:"one URL for each replica, which answers the values that it runs as a JSON object of settings"`

	below []string
}

// address is a URL that may hold a password; over ssh it comes with a private
// key.
type address struct {
	url string
	key string
}

// UnmarshalJSON reads text, or an address with its key.
func (a *address) UnmarshalJSON(raw []byte) error {
	if json.Unmarshal(raw, &a.url) == nil {
		return nil
	}
	var with struct {
		Address string `json:"address"`
		Key     string `json:"key"`
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if dec.Decode(&with) != nil { // its text may quote the key
		return errors.New("an address is text, or {address: ssh://..., key: {secret: ...}}")
	}
	a.url, a.key = with.Address, with.Key
	return nil
}

func configSchema() json.RawMessage {
	s, err := jsonschema.For[config](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[address](): {Types: []string{"string", "object"}},
	}})
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
func parseConfig(raw json.RawMessage) (config, error) {
	var c config
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, fmt.Errorf("settings: %w", err)
	}
	switch {
	case c.Repo == "":
		return c, errors.New("repo: name the folder of the repository")
	case c.Path == "":
		return c, errors.New("path: name the settings file inside the repository")
	case c.Path != path.Clean(c.Path) || path.IsAbs(c.Path) || c.Path == ".." || strings.HasPrefix(c.Path, "../") || c.Path == ".":
		return c, fmt.Errorf("path: %q is not a file inside the repository; write it like api/pool.yaml", c.Path)
	}
	if c.Key != "" {
		below, err := document.ParseSetting(c.Key)
		if err != nil {
			return c, fmt.Errorf("key: %w", err)
		}
		c.below = below
	}
	for _, u := range c.LiveURL {
		if parsed, err := url.Parse(u); err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Host == "" {
			return c, fmt.Errorf("live_url: %q is not a http or https URL", u)
		}
	}
	return c, nil
}
