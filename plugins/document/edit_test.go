package document

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func scalar(t testing.TB, v any) capability.Scalar {
	t.Helper()
	s, err := capability.ScalarOf(v)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// set returns a document with a setting changed.
func set(t *testing.T, src, setting string, value any) ([]byte, error) {
	t.Helper()
	doc, err := Parse([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseSetting(setting)
	if err != nil {
		t.Fatal(err)
	}
	return doc.Set(keys, scalar(t, value))
}

func TestSet(t *testing.T) {
	const pool = "# the API's settings\ndb:\n  pool:   # see the capacity sheet\n    max: 20 # was tuned\n    min: 5\n\nhosts:\n  - a\n  - 'b''s' # second\n"
	for _, tt := range []struct {
		name, src, setting string
		value              any
		want               string // of the line that changed, or the whole file
	}{
		{"nested, comments stay", pool, "db.pool.max", 50, strings.Replace(pool, "max: 20 # was", "max: 50 # was", 1)},
		{"sequence index", pool, "hosts.0", "c", strings.Replace(pool, "- a", "- c", 1)},
		{"single quotes stay", pool, "hosts.1", "it's", strings.Replace(pool, "'b''s'", "'it''s'", 1)},
		{"CRLF", "a:\r\n  b: 1\r\nc: 2\r\n", "a.b", 2, "a:\r\n  b: 2\r\nc: 2\r\n"},
		{"byte order mark", "\ufeffa: 1\nb: 2\n", "a", 3, "\ufeffa: 3\nb: 2\n"},
		{"no newline at the end", "a: 1", "a", 2, "a: 2"},
		{"JSON", `{"a": {"b": 1, "c": "x"}}`, "a.c", "y\"z", `{"a": {"b": 1, "c": "y\"z"}}`},
		{"JSON number", `{"a":[1,2]}`, "a.1", 30, `{"a":[1,30]}`},
		{"wide characters before it", "{é: ü, b: 1}", "b", 2, "{é: ü, b: 2}"},
		{"empty value", "a:  # none yet\nb: 1\n", "a", 5, "a: 5  # none yet\nb: 1\n"},
		{"text that looks like a number", "a: 20\n", "a", "50", "a: \"50\"\n"},
		{"quoted number becomes one", "a: \"20\"\n", "a", 50, "a: 50\n"},
		{"odd number text comes back plain", "a: 20\n", "a", "0x14", "a: 0x14\n"},
		{"text over plain yes", "a: no\n", "a", "yes", "a: yes\n"},
		{"text with a hash", "a: b\n", "a", "c # d", "a: \"c # d\"\n"},
		{"text of two lines", "a: b\n", "a", "c\nd: e", "a: \"c\\nd: e\"\n"},
		{"bool", "a: true\n", "a", false, "a: false\n"},
		{"float", "a: 1\n", "a", 0.25, "a: 0.25\n"},
		{"key with a dot", "a.b: 1\na:\n  b: 2\n", `a\.b`, 3, "a.b: 3\na:\n  b: 2\n"},
		{"added behind its siblings", "a:\n  b: 1 # one\n  c: 2\nd: 3\n", "a.e", 4, "a:\n  b: 1 # one\n  c: 2\n  e: 4\nd: 3\n"},
		{"added at the end without newline", "a: 1", "b", "x", "a: 1\nb: x"},
		{"added above a block", "a:\n  b:\n    c: 1\n", "a.d", 2, "a:\n  d: 2\n  b:\n    c: 1\n"},
		{"taken out", "a:\n  b: 1\n  c: 2 # two\nd: 3\n", "a.c", nil, "a:\n  b: 1\nd: 3\n"},
		{"taken out, CRLF", "a: 1\r\nb: 2\r\n", "b", nil, "a: 1\r\n"},
		{"same value", "a: 0.50\n", "a", 0.5, "a: 0.50\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := set(t, tt.src, tt.setting, tt.value)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, src, setting string
		value              any
		want               string
	}{
		{"a map", "a: {b: 1}\n", "a", 1, "not one value"},
		{"no such parent", "a: 1\n", "b.c", 1, "no block of keys"},
		{"below a value", "a: 1\n", "a.b", 1, "no block of keys"},
		{"past the list's end", "a: [1]\n", "a.1", 1, "no block of keys"},
		{"into a flow map", "a: {b: 1}\n", "a.c", 1, "no block of keys"},
		{"an anchor", "a: &x 1\nb: *x\n", "a", 2, "anchor"},
		{"through an alias", "a: &x\n  c: 1\nb: *x\n", "b.c", 2, "by hand"},
		{"an alias", "a: &x 1\nb: *x\n", "b", 2, "alias"},
		{"a tag", "a: !!str 1\n", "a", "2", "tag"},
		{"a block of text", "a: |\n  x\n", "a", "y", "several lines"},
		{"text over lines", "a: x\n  y\n", "a", "z", "several lines"},
		{"a key that stands twice", "a: 1\na: 2\n", "a", 3, "twice, on lines 1 and 2"},
		{"the last key of a map", "a:\n  b: 1\n", "a.b", nil, "touching"},
		{"out of a list", "a:\n  - 1\n  - 2\n", "a.1", nil, "no line of its own"},
		{"out of a flow map", "a: {b: 1, c: 2}\n", "a.b", nil, "other things stand on its line"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := set(t, tt.src, tt.setting, tt.value)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, %v; want an error that says %q", got, err, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for src, want := range map[string]string{
		"a: 1\n---\nb: 2\n":               "several YAML documents",
		"a: [":                            "not YAML",
		strings.Repeat("a", MaxSize+1):    "larger than",
		"a: 1\n---\nb: [\n":               "not YAML",
		strings.Repeat("[", 20000) + "\n": "not YAML",
	} {
		if _, err := Parse([]byte(src)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: got %v, want %q", src, err, want)
		}
	}
}

func TestScalars(t *testing.T) {
	for text, want := range map[string]any{
		"20": 20, "-1": -1, "0.5": 0.5, "1e3": 1000.0, "true": true, "False": false, "null": nil, "~": nil, "": nil,
		"012": "012", "0x1F": "0x1F", "1_000": "1_000", ".5": ".5", "yes": "yes", ".inf": ".inf", "2024-07-15": "2024-07-15",
		"123456789012345678901234567890": "123456789012345678901234567890", "'20'": "20", `"a\tb"`: "a\tb",
	} {
		doc, err := Parse([]byte("a: " + text + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := doc.Get([]string{"a"})
		if err != nil || got != scalar(t, want) {
			t.Errorf("%q: got %#v, %v; want %v", text, got.Value(), err, want)
		}
	}
}

func TestSettingNames(t *testing.T) {
	for _, keys := range [][]string{{"a"}, {"db", "pool", "max"}, {"a.b", `c\d`, "0"}, {`\.`, `.\`}} {
		got, err := ParseSetting(JoinSetting(keys))
		if err != nil || strings.Join(got, "\x00") != strings.Join(keys, "\x00") {
			t.Errorf("%q: got %q, %v", keys, got, err)
		}
	}
	for _, bad := range []string{"", ".", "a.", ".a", "a..b"} {
		if got, err := ParseSetting(bad); err == nil {
			t.Errorf("%q: got %q, want an error", bad, got)
		}
	}
}

// FuzzSet: an edit either is refused, or reads back as the value with nothing
// else changed, as told by a reader of its own.
func FuzzSet(f *testing.F) {
	f.Add("db:\n  pool:\n    max: 20 # x\n    min: 5\n", "db.pool.max", "50")
	f.Add("a: [1, 'x', \"y\"]\r\nb: {c: }\r\n", "a.1", "\"it's # not\"")
	f.Add("\ufeffa: &x 1\nb: *x\n<<: {c: d}\n", "b", "null")
	f.Add("{\"a\": {\"é\": 1}}", "a.é", "-1.5e3")
	f.Add("a:\n  b: 1\n  c: 2\n", "a.d", "true")
	f.Add("a:\n  b: 1\n  c: 2\n", "a.c", "null")
	f.Fuzz(func(t *testing.T, src, setting, raw string) {
		var value capability.Scalar
		if value.UnmarshalJSON([]byte(raw)) != nil {
			return
		}
		keys, err := ParseSetting(setting)
		if err != nil {
			return
		}
		doc, err := Parse([]byte(src))
		if err != nil {
			return
		}
		out, err := doc.Set(keys, value)
		if err != nil {
			if out != nil {
				t.Fatalf("both %q and %v", out, err)
			}
			return
		}
		again, err := Parse(out)
		if err != nil {
			t.Fatalf("%q does not parse: %v", out, err)
		}
		if got, err := again.Get(keys); err != nil || !Same(got, value) {
			t.Fatalf("%q: %s reads back as %v, %v; want %v", out, setting, got, err, value)
		}
		var was, is any
		if yaml.Unmarshal([]byte(src), &was) != nil || yaml.Unmarshal(out, &is) != nil {
			return
		}
		a, b := flat("", was), flat("", is)
		name := strings.Join(keys, "\x00")
		for k, v := range a {
			if k != name && b[k] != v {
				t.Fatalf("%q -> %q: %q was %q, is %q", src, out, k, v, b[k])
			}
		}
		for k, v := range b {
			if k != name && a[k] != v {
				t.Fatalf("%q -> %q: %q was %q, is %q", src, out, k, a[k], v)
			}
		}
		if lost := strings.Count(src, "#") - strings.Count(string(out), "#"); !value.IsNull() && lost > strings.Count(a[name], "#") {
			t.Fatalf("%q -> %q: a comment is gone", src, out)
		}
	})
}

// TestLargeFile: the work grows with the file, not with its square.
func TestLargeFile(t *testing.T) {
	var src strings.Builder
	for i := range 40000 {
		fmt.Fprintf(&src, "key%d: %d\n", i, i)
	}
	began := time.Now()
	doc, err := Parse([]byte(src.String()))
	if err != nil {
		t.Fatal(err)
	}
	parsed := time.Since(began)
	began = time.Now()
	for setting, want := range map[string]string{"key39999": "key39999: 1\n", "new": "new: 1\n"} {
		out, err := doc.Set([]string{setting}, scalar(t, 1))
		if err != nil || !strings.HasSuffix(string(out), want) {
			t.Errorf("%s: %v", setting, err)
		}
	}
	took := time.Since(began)
	if t.Logf("two edits took %.1f times as long as reading the file", float64(took)/float64(parsed)); took > 100*parsed {
		t.Errorf("two edits took %s, and reading the file %s", took, parsed)
	}
}
