package host

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/firebreak-ops/firebreak/plugins"
)

// maxSecret bounds a secret file, in bytes.
const maxSecret = 64 << 10

// ResolveSecrets returns a section's configuration as a plugin gets it for
// one access, references to secrets replaced by their values, and those
// values: with an error, those that were read until then. With access read the credential under "mutate" is not even looked
// up. No error contains a secret.
func ResolveSecrets(config json.RawMessage, access plugins.Effect) (json.RawMessage, []string, error) {
	if len(config) == 0 {
		config = json.RawMessage("{}")
	}
	decoder := json.NewDecoder(bytes.NewReader(config))
	decoder.UseNumber()
	var section map[string]any
	if err := decoder.Decode(&section); err != nil {
		return nil, nil, fmt.Errorf("the section is not an object: %w", err)
	}
	if access == plugins.Read {
		delete(section, "mutate")
	}
	var found []string
	resolved, err := resolveValue("", section, &found)
	if err != nil {
		return nil, found, err
	}
	raw, err := json.Marshal(resolved)
	return raw, found, err
}

func resolveValue(path string, value any, found *[]string) (any, error) {
	var err error
	switch v := value.(type) {
	case map[string]any:
		if reference, ok := v["secret"]; ok && len(v) == 1 {
			secret, err := lookUp(reference)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", strings.TrimPrefix(path, "."), err)
			}
			*found = append(*found, secret)
			return secret, nil
		}
		for key, element := range v {
			if v[key], err = resolveValue(path+"."+key, element, found); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, element := range v {
			if v[i], err = resolveValue(fmt.Sprintf("%s[%d]", path, i), element, found); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

// Secret returns what a reference stands for: env:NAME or file:/path, read
// now. No error contains it.
func Secret(reference string) (string, error) { return lookUp(reference) }

// lookUp reads env:NAME or file:/path, without the newline at its end.
func lookUp(reference any) (string, error) {
	text, _ := reference.(string)
	kind, name, _ := strings.Cut(text, ":")
	var secret string
	switch {
	case kind == "env" && name != "":
		secret = os.Getenv(name)
	case kind == "file" && filepath.IsAbs(name):
		raw, err := readSecret(name)
		if err != nil {
			return "", err
		}
		secret = strings.TrimRight(raw, "\r\n")
	default:
		return "", errors.New(`a secret is "env:NAME" or "file:/absolute/path"`)
	}
	if secret == "" {
		return "", fmt.Errorf("the secret %s is not set or empty", text)
	}
	return secret, nil
}

func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecret {
		return "", fmt.Errorf("the secret file %s is not a regular file of at most %d bytes", path, maxSecret)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	return string(raw), nil
}
