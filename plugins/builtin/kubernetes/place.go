package kubernetes

import (
	"encoding/json"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/document"
)

// place is where in a ConfigMap its settings are: in the document under this
// key, of YAML, JSON or, where it is named so, properties; or where it is empty
// each key is one.
type place string

// isText says whether there is no document that says of what type a value is:
// what reads as a number or a boolean is one.
func (p place) isText() bool { return p == "" || strings.HasSuffix(string(p), ".properties") }

// check says whether a setting can have that name.
func (p place) check(setting string) error {
	switch {
	case p == "":
		if problems := validation.IsConfigMapKey(setting); len(problems) > 0 {
			return plugins.Fail(plugins.Invalid, "setting %q is no key of a ConfigMap: %s; where it stands in a document, give the settings section the document's key", setting, problems[0])
		}
	case p.isText():
		if setting == "" {
			return plugins.Fail(plugins.Invalid, "a setting has a name")
		}
	default:
		if _, err := document.ParseSetting(setting); err != nil {
			return plugins.Fail(plugins.Invalid, "%v", err)
		}
	}
	return nil
}

// key is the ConfigMap's key that a setting stands under.
func (p place) key(setting string) string {
	if p != "" {
		return string(p)
	}
	return setting
}

// file is a document of settings.
type file interface {
	get(setting string) (capability.Scalar, error)
	set(setting string, v capability.Scalar) ([]byte, error)
	all() map[string]capability.Scalar
}

// open reads the document of a version.
func (p place) open(data map[string]string) (f file, err error) {
	text, ok := data[string(p)]
	if !ok {
		return nil, plugins.Fail(plugins.NotFound, "the ConfigMap has no key %s", p)
	}
	if p.isText() {
		var props *document.Properties
		props, err = document.ParseProperties([]byte(text))
		f = properties{props}
	} else {
		var doc *document.Document
		doc, err = document.Parse([]byte(text))
		f = tree{doc}
	}
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "%s of the ConfigMap %v", p, err)
	}
	return f, nil
}

// value reads a setting; null when it is not there.
func (p place) value(data map[string]string, setting string) (capability.Scalar, error) {
	if p == "" {
		text, ok := data[setting]
		if !ok {
			return capability.Scalar{}, nil
		}
		return typed(text), nil
	}
	f, err := p.open(data)
	if err != nil {
		return capability.Scalar{}, err
	}
	v, err := f.get(setting)
	if err != nil {
		return v, plugins.Fail(plugins.Invalid, "%s of the ConfigMap: %v", p, err)
	}
	return v, nil
}

// with is data with one setting changed; null takes it out. Of a document
// every other byte stays.
func (p place) with(data map[string]string, setting string, v capability.Scalar) (map[string]string, error) {
	out := maps.Clone(data)
	if out == nil {
		out = map[string]string{}
	}
	switch {
	case p == "" && v.IsNull():
		delete(out, setting)
	case p == "":
		out[setting] = v.String()
	default:
		f, err := p.open(data)
		if err != nil {
			return nil, err
		}
		text, err := f.set(setting, v)
		if err != nil {
			return nil, plugins.Fail(plugins.Invalid, "%s of the ConfigMap: %v", p, err)
		}
		out[string(p)] = string(text)
	}
	return out, nil
}

// all are the settings of a version. A document that cannot be read has none:
// what was before somebody broke it is still told.
func (p place) all(data map[string]string) map[string]capability.Scalar {
	if p != "" {
		f, err := p.open(data)
		if err != nil {
			return nil
		}
		return f.all()
	}
	return typedAll(data)
}

func typedAll(data map[string]string) map[string]capability.Scalar {
	out := map[string]capability.Scalar{}
	for key, text := range data {
		out[key] = typed(text)
	}
	return out
}

// tree is a document whose settings are named by the keys that lead to them.
type tree struct{ *document.Document }

func (t tree) get(setting string) (capability.Scalar, error) {
	keys, err := document.ParseSetting(setting)
	if err != nil {
		return capability.Scalar{}, err
	}
	return t.Get(keys)
}

func (t tree) set(setting string, v capability.Scalar) ([]byte, error) {
	keys, err := document.ParseSetting(setting)
	if err != nil {
		return nil, err
	}
	return t.Set(keys, v)
}

func (t tree) all() map[string]capability.Scalar { return t.Settings(nil) }

// properties is a document of lines.
type properties struct{ *document.Properties }

func (p properties) get(setting string) (capability.Scalar, error) {
	text, there, err := p.Get(setting)
	if !there || err != nil {
		return capability.Scalar{}, err
	}
	return typed(text), nil
}

func (p properties) set(setting string, v capability.Scalar) ([]byte, error) {
	if v.IsNull() {
		return p.Set(setting, nil)
	}
	return p.Set(setting, new(v.String()))
}

func (p properties) all() map[string]capability.Scalar { return typedAll(p.All()) }

// normal is a value as it would be read back.
func (p place) normal(v capability.Scalar) capability.Scalar {
	if !p.isText() || v.IsNull() {
		return v
	}
	return typed(v.String())
}

// jsonNumber is what readers of every kind agree on. Other spellings (012,
// 1_000) are text.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

func typed(text string) capability.Scalar {
	if v, err := strconv.ParseBool(text); err == nil && len(text) > 1 && text == strings.ToLower(text) {
		return scalar(v)
	}
	if jsonNumber.MatchString(text) {
		var v capability.Scalar
		// Only what is written back as it was read: 1.50 stays text.
		if json.Unmarshal([]byte(text), &v) == nil && v.String() == text {
			return v
		}
	}
	return scalar(text)
}

// scalar wraps a value of a type that is one.
func scalar(v any) capability.Scalar {
	s, _ := capability.ScalarOf(v)
	return s
}
