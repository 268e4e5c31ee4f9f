package document

import (
	"strings"
	"testing"
)

const someProperties = "# of the api\n! and\\\nmore\ndb.pool.max = 20\ndb.url:jdbc:postgresql://db/app?a=b\n  cache.ttl   30s\nlist=a,\\\n    b,\\\n    c\nalone\nname\\ with\\=all=caf\\u00e9 \\ud83d\\ude00\\t.\n\nempty=\r\nlast=1"

func TestPropertiesAreRead(t *testing.T) {
	p, err := ParseProperties([]byte(someProperties))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"more": "", "db.pool.max": "20", "db.url": "jdbc:postgresql://db/app?a=b", "cache.ttl": "30s", "list": "a,b,c",
		"alone": "", "name with=all": "café 😀\t.", "empty": "", "last": "1",
	}
	all := p.All()
	if len(all) != len(want) {
		t.Errorf("read %q", all)
	}
	for key, text := range want {
		got, there, err := p.Get(key)
		if got != text || !there || err != nil || all[key] != text {
			t.Errorf("%q is %q (%t, %v), of all %q; want %q", key, got, there, err, all[key], text)
		}
	}
	if _, there, err := p.Get("db"); there || err != nil {
		t.Errorf("db is there: %v", err)
	}
	for _, bad := range []string{`a=\u12`, `a\u00zz=1`} {
		if _, err := ParseProperties([]byte("x=1\n" + bad + "\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// One value changes, and no byte besides.
func TestPropertiesAreChanged(t *testing.T) {
	for _, c := range []struct{ src, key, to, want string }{
		{someProperties, "db.pool.max", "50", strings.Replace(someProperties, "= 20", "= 50", 1)},
		{someProperties, "cache.ttl", "1m", strings.Replace(someProperties, "30s", "1m", 1)},
		{someProperties, "list", "d", strings.Replace(someProperties, "a,\\\n    b,\\\n    c", "d", 1)},
		{someProperties, "alone", "x", strings.Replace(someProperties, "alone", "alone=x", 1)},
		{someProperties, "empty", "x", strings.Replace(someProperties, "empty=", "empty=x", 1)},
		{someProperties, "last", "2", strings.TrimSuffix(someProperties, "1") + "2"},
		{someProperties, "last", "1", someProperties},
		{"a = 1\n", "b", " é\n#", "a = 1\nb = \\ \\u00e9\\n#\n"},
		{"a: 1", "b c", "😀", "a: 1\nb\\ c: \\ud83d\\ude00\n"},
		{"a=1\r\n", "b", "2", "a=1\r\nb=2\r\n"},
		{"", "b", `C:\x`, "b=C:\\\\x\n"},
	} {
		p, err := ParseProperties([]byte(c.src))
		if err != nil {
			t.Fatal(err)
		}
		out, err := p.Set(c.key, &c.to)
		if err != nil || string(out) != c.want {
			t.Errorf("%s = %q: %v\n%q\nwant\n%q", c.key, c.to, err, out, c.want)
		}
		again, err := ParseProperties(out)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := again.Get(c.key); got != c.to || err != nil {
			t.Errorf("%s is read back as %q, %v; it was set to %q", c.key, got, err, c.to)
		}
	}
	p, err := ParseProperties([]byte(someProperties))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"list": strings.Replace(someProperties, "list=a,\\\n    b,\\\n    c\n", "", 1), "last": strings.TrimSuffix(someProperties, "last=1"), "none": someProperties,
	} {
		if out, err := p.Set(key, nil); err != nil || string(out) != want {
			t.Errorf("without %s: %v\n%q", key, err, out)
		}
	}
}

func TestPropertyThatStandsTwice(t *testing.T) {
	p, err := ParseProperties([]byte("a=1\nb=2\na=3\n"))
	if err != nil {
		t.Fatal(err)
	}
	to := "4"
	if _, err := p.Set("a", &to); err == nil || !strings.Contains(err.Error(), "lines 1 and 3") {
		t.Errorf("set: %v", err)
	}
	if _, _, err := p.Get("a"); err == nil {
		t.Error("read")
	}
	if all := p.All(); all["a"] != "3" {
		t.Errorf("of all: %q", all)
	}
}

// What was set is read back, and whatever else a file holds stays.
func FuzzProperties(f *testing.F) {
	f.Add(someProperties, "db.pool.max", "50")
	f.Add("a\\\n", "a", "\\")
	f.Add("=x", "", "y")
	f.Fuzz(func(t *testing.T, src, key, text string) {
		p, err := ParseProperties([]byte(src))
		if err != nil || strings.ToValidUTF8(key, "") != key || strings.ToValidUTF8(text, "") != text {
			return
		}
		out, err := p.Set(key, &text)
		if err != nil {
			return
		}
		again, err := ParseProperties(out)
		if err != nil {
			t.Fatalf("%q cannot be read: %v", out, err)
		}
		if got, there, err := again.Get(key); got != text || !there || err != nil {
			t.Fatalf("%q holds %q = %q (%t, %v); it was set to %q", out, key, got, there, err, text)
		}
		was, is := p.All(), again.All()
		delete(was, key)
		delete(is, key)
		if len(was) != len(is) {
			t.Fatalf("%q became %q", was, is)
		}
		for k, v := range was {
			if is[k] != v {
				t.Fatalf("%q was %q and is %q", k, v, is[k])
			}
		}
	})
}
