package expr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxValueDepth bounds the nesting of a value.
const maxValueDepth = 100

// Decode turns JSON into Go values of the type: int, float64, string, bool,
// nil, []any and map[string]any. An integer that does not fit an int, and
// whatever the type does not allow, is an error that names the place.
func (t *Type) Decode(raw []byte) (any, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, errors.New("no value at all, not even null")
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not JSON: more than one value")
	}
	return t.conform(v, nil)
}

// Check returns the value as the type wants it (an int given for a number
// becomes a float64), or an error that names the place that it does not allow.
func (t *Type) Check(v any) (any, error) { return t.conform(v, nil) }

func (t *Type) conform(v any, path []string) (any, error) {
	if len(path) > maxValueDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxValueDepth)
	}
	if t == nil {
		t = anyType
	}
	switch v := v.(type) {
	case nil:
		if t.Kinds&Null == 0 {
			return nil, misfit(path, "it is null, wanted %s", t)
		}
		return nil, nil
	case bool:
		if t.Kinds&Bool == 0 {
			return nil, misfit(path, "it is %t, wanted %s", v, t)
		}
		return v, nil
	case string:
		return t.conformString(v, path)
	case json.Number:
		return t.bounded(v.String(), path)
	case int:
		return t.bounded(strconv.Itoa(v), path)
	case int64:
		return t.bounded(strconv.FormatInt(v, 10), path)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, misfit(path, "%v is not a number", v)
		}
		return t.bounded(strconv.FormatFloat(v, 'g', -1, 64), path)
	case []any:
		return t.conformList(v, path)
	case map[string]any:
		return t.conformObject(v, path)
	}
	return nil, misfit(path, "a %T is no value of the language", v)
}

func misfit(path []string, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if len(path) == 0 {
		return errors.New(what)
	}
	return fmt.Errorf("%s: %s", strings.Join(path, "."), what)
}

func (t *Type) conformString(v string, path []string) (any, error) {
	if t.Kinds&String == 0 {
		return nil, misfit(path, "it is the text %s, wanted %s", clip(v), t)
	}
	if t.Enum != nil && !slices.Contains(t.Enum, v) {
		return nil, misfit(path, "it is %s, wanted %s", clip(v), t)
	}
	if t.Pattern != nil && !t.Pattern.MatchString(v) {
		return nil, misfit(path, "it is %s, which does not match %s", clip(v), t.Pattern)
	}
	if utf8.RuneCountInString(v) < t.Least {
		return nil, misfit(path, "it is empty, or shorter than %d characters", t.Least)
	}
	if d, err := time.ParseDuration(v); t.Format == formatDuration && (err != nil || d < 0) {
		return nil, misfit(path, "it is %s, wanted a duration such as 90s or 1m30s%s", clip(v), inHours(v))
	}
	return v, nil
}

// inHours is for who writes days where programs read: they have Go text.
func inHours(text string) string {
	number, ok := strings.CutSuffix(text, "d")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 1 || n > 366 {
		return ""
	}
	return fmt.Sprintf("; %s is %dh", text, n*24)
}

// bounded reads text as a number that is not too small and not too large.
func (t *Type) bounded(text string, path []string) (any, error) {
	v, err := t.conformNumber(text, path)
	if err != nil {
		return nil, err
	}
	n, isInt := v.(int)
	f, isFloat := v.(float64)
	switch {
	case isInt:
		f = float64(n)
	case !isFloat:
		return v, nil
	}
	switch {
	case t.Min != nil && f < *t.Min:
		return nil, misfit(path, "it is %s, wanted at least %v", clipText(text), *t.Min)
	case t.Max != nil && f > *t.Max:
		return nil, misfit(path, "it is %s, wanted at most %v", clipText(text), *t.Max)
	}
	return v, nil
}

// conformNumber reads text as an integer wherever the type wants one, or has
// no wish and the text is one.
func (t *Type) conformNumber(text string, path []string) (any, error) {
	if t.Kinds&number == 0 {
		return nil, misfit(path, "it is the number %s, wanted %s", clipText(text), t)
	}
	whole := !strings.ContainsAny(text, ".eE")
	if t.Kinds&Int != 0 && (whole || t.Kinds&Num == 0) {
		if whole {
			if n, err := strconv.Atoi(text); err == nil {
				return n, nil
			}
			// Where a number will do, a large one is as good if it is exact.
			f, err := strconv.ParseFloat(text, 64)
			if err == nil && t.Kinds&Num != 0 && strconv.FormatFloat(f, 'f', -1, 64) == text {
				return f, nil
			}
			return nil, misfit(path, "%s does not fit an integer", clipText(text))
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
			return nil, misfit(path, "it is %s, wanted %s", clipText(text), t)
		}
		return int(f), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, misfit(path, "%s does not fit a number", clipText(text))
	}
	return f, nil
}

func (t *Type) conformList(v []any, path []string) (any, error) {
	if t.Kinds&List == 0 {
		return nil, misfit(path, "it is a list, wanted %s", t)
	}
	if len(v) < t.Least {
		return nil, misfit(path, "it has %d items, wanted at least %d", len(v), t.Least)
	}
	list := make([]any, len(v))
	for i, item := range v {
		var err error
		if list[i], err = t.elem().conform(item, append(path, strconv.Itoa(i))); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (t *Type) conformObject(v map[string]any, path []string) (any, error) {
	if t.Kinds&Object == 0 {
		return nil, misfit(path, "it is an object, wanted %s", t)
	}
	for _, name := range sortedKeys(t.Required) {
		if _, ok := v[name]; !ok {
			return nil, misfit(path, "field %s is missing", name)
		}
	}
	object := make(map[string]any, len(v))
	for _, name := range sortedKeys(v) {
		field, ok := t.Fields[name]
		if !ok {
			if field = t.Extra; field == nil && t.Loose {
				field = anyType
			} else if field == nil {
				return nil, misfit(path, "there is no field %s", clip(name))
			}
		}
		if v[name] == nil && !t.Required[name] {
			field = field.OrNull()
		}
		var err error
		if object[name], err = field.conform(v[name], append(path, name)); err != nil {
			return nil, err
		}
	}
	return object, nil
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// clip quotes text for a message, shortened.
func clip(text string) string { return strconv.Quote(clipText(text)) }

func clipText(text string) string {
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:57]) + "..."
	}
	return text
}
