package service

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine/policy"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

var update = flag.Bool("update", false, "write what Parse says into testdata")

// TestParseRefused walks testdata/refused: a file above ----, what is wrong
// with it below.
func TestParseRefused(t *testing.T) {
	for _, c := range refused(t) {
		t.Run(c.name, func(t *testing.T) {
			cfg, found := Parse("firebreak.yaml", c.src)
			if cfg != nil || len(found) == 0 {
				t.Fatalf("accepted: %+v", cfg)
			}
			got := report(found)
			if *update {
				if err := os.WriteFile(c.file, append(append(c.src, "----\n"...), got...), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if strings.Contains(got, "hunter2") {
				t.Error("a secret is repeated in the problems")
			}
		})
	}
}

func report(found []runbook.Problem) string {
	var b strings.Builder
	for _, p := range found {
		b.WriteString("[" + p.ID + "] " + p.String() + "\n")
	}
	return b.String()
}

type refusal struct {
	name, file, want string
	src              []byte
}

func refused(tb testing.TB) []refusal {
	tb.Helper()
	files, err := filepath.Glob("testdata/refused/*.txt")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no cases: %v", err)
	}
	var cases []refusal
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		src, want, ok := bytes.Cut(b, []byte("----\n"))
		if !ok {
			tb.Fatalf("%s has no ---- line", file)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		cases = append(cases, refusal{name: name, file: file, src: bytes.Clone(src), want: string(want)})
	}
	return cases
}

func accepted(tb testing.TB) map[string][]byte {
	tb.Helper()
	files, err := filepath.Glob("testdata/accepted/*.yaml")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no cases: %v", err)
	}
	m := map[string][]byte{}
	for _, file := range files {
		if m[filepath.Base(file)], err = os.ReadFile(file); err != nil {
			tb.Fatal(err)
		}
	}
	return m
}

// parse returns the configuration in testdata/accepted.
func parse(t *testing.T, name string) *Config {
	t.Helper()
	cfg, found := Parse("firebreak.yaml", accepted(t)[name])
	if len(found) > 0 {
		t.Fatalf("refused:\n%s", report(found))
	}
	return cfg
}

func at(line, col int) runbook.Pos { return runbook.Pos{Line: line, Col: col} }

func TestParse(t *testing.T) {
	cfg := parse(t, "design.yaml")
	want := &Config{
		File: "firebreak.yaml",
		Services: map[string]*Service{"api": {
			Name: "api", Environment: "prod", Owner: "platform", Pos: at(2, 3),
			Sections: map[string]Section{
				"metrics":  {Plugin: "prometheus", Config: []byte(`{"url":"http://127.0.0.1:9090"}`), Pos: at(5, 5), PluginPos: at(5, 24)},
				"database": {Plugin: "postgres", Config: []byte(`{"mutate":{"secret":"env:API_ADMIN_DSN"},"read":{"secret":"env:API_READ_DSN"}}`), Pos: at(6, 5), PluginPos: at(6, 24)},
				"pooler":   {Plugin: "pgbouncer", Config: []byte(`{"read":{"secret":"file:/run/secrets/pgb"}}`), Pos: at(7, 5), PluginPos: at(7, 24)},
				"settings": {Plugin: "git", Config: []byte(`{"path":"api/pool.yaml","repo":"/srv/config"}`), Pos: at(8, 5), PluginPos: at(8, 24)},
				"workload": {Plugin: "kubernetes", Config: []byte(`{"deployment":"api","namespace":"prod"}`), Pos: at(9, 5), PluginPos: at(9, 24)},
				"backlog":  {Plugin: "http", Config: []byte(`{"shed":"http://127.0.0.1:8081/backlog/shed","status":"http://127.0.0.1:8081/backlog"}`), Pos: at(10, 5), PluginPos: at(10, 24)},
			},
		}},
		Tools: map[string]Section{
			"http": {Plugin: "http", Config: []byte(`{}`), Pos: at(12, 3), PluginPos: at(12, 3)},
			"exec": {Plugin: "exec", Config: []byte(`{"commands":{"uptime":{"argv":["uptime","-p"],"effect":"read"}}}`), Pos: at(13, 3), PluginPos: at(13, 3)},
		},
		Roles: map[string]*Role{
			"sre-oncall": {Name: "sre-oncall", People: []string{"alice", "bob"}, Pos: at(17, 3)},
			"sre-leads":  {Name: "sre-leads", People: []string{"carol"}, BreakGlass: true, Pos: at(18, 3)},
		},
		People: map[string]*Person{
			"alice": {Name: "alice", OSUser: "alice", Slack: "U0123", Email: "alice@example.com", Pos: at(20, 3)},
			"bob":   {Name: "bob", OSUser: "bob", Pos: at(21, 3)},
			"carol": {Name: "carol", Pos: at(22, 3)},
		},
		Plugins: map[string]PluginBinary{
			"acme": {Path: "/opt/firebreak/acme", SHA256: "0f0e0d0c0b0a09080706050403020100ffeeddccbbaa99887766554433221100", Pos: at(24, 3)},
		},
		Sources: map[string]*Source{},
		Digest:  cfg.Digest,
	}
	if diff := cmp.Diff(want, cfg); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestParseLimit(t *testing.T) {
	roles := parse(t, "limit.yaml").Roles
	if diff := cmp.Diff([]*policy.Limit{{Percent: 25}, {Count: 3}, nil}, []*policy.Limit{roles["sre"].AtMost, roles["dba"].AtMost, roles["all"].AtMost}); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestParseSources(t *testing.T) {
	cfg := parse(t, "sources.yaml")
	main, pages, metrics := cfg.Sources["main"], cfg.Sources["pages"], cfg.Sources["metrics"]
	if diff := cmp.Diff([]string{"env:AM_TOKEN", "file:/run/secrets/am"}, main.Secrets); diff != "" || main.Kind != KindAlertmanager || main.Signature != "" {
		t.Errorf("%+v", main)
	}
	if pages.Signature != "X-PagerDuty-Signature" || metrics.Signature != "X-Signature" {
		t.Errorf("signatures %q and %q", pages.Signature, metrics.Signature)
	}
	if m := metrics.Mapping; m.Identity.Source() != "body.id" || m.Labels["alertname"] == nil || m.Annotations["text"] == nil || m.StartsAt == nil || m.URL == nil {
		t.Errorf("%+v", m)
	}
	if want := (Serve{Listen: "127.0.0.1:9443", Cert: "/etc/firebreak/tls.crt", Key: "/etc/firebreak/tls.key"}); *cfg.Serve != want {
		t.Errorf("%+v", cfg.Serve)
	}
}

func TestParsePaging(t *testing.T) {
	cfg := parse(t, "paging.yaml")
	want := &Paging{
		RoutingKey: "file:/run/secrets/pagerduty", URL: "https://events.eu.pagerduty.com/v2/enqueue",
		Roles:     map[string]string{"sre-leads": "env:PD_LEADS"},
		Heartbeat: &Heartbeat{URL: "env:HEARTBEAT", Every: 90 * time.Second},
	}
	if diff := cmp.Diff(want, cfg.Paging); diff != "" || cfg.Sources["am"].Silence != 10*time.Minute {
		t.Errorf("%v\n(-want +got)\n%s", cfg.Sources["am"].Silence, diff)
	}
}

func TestParseValues(t *testing.T) {
	sections := parse(t, "values.yaml").Services["api"].Sections
	want := `{"alpha":[1,0,2000,true,null,"012","a & <b>",{"inner":{"x":1,"y":2}}],"big":9223372036854775807,"empty":"",` +
		`"pattern":"http://127.0.0.1:{port}/ready@now","url":"postgres://reader@db1:5432,db2:5432/api","zulu":1.5}`
	if diff := cmp.Diff(want, string(sections["metrics"].Config)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	want = `{"headers":{"Authorization":{"secret":"env:TOKEN"}},"token":null}`
	if diff := cmp.Diff(want, string(sections["backlog"].Config)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestParseEmpty(t *testing.T) {
	for _, src := range []string{"", "# only a comment\n", "{}\n", "---\n"} {
		cfg, found := Parse("firebreak.yaml", []byte(src))
		if len(found) > 0 || len(cfg.Services) != 0 || cfg.People == nil {
			t.Errorf("%q: %+v, %v", src, cfg, found)
		}
	}
}

func TestDigest(t *testing.T) {
	cfg, _ := Parse("firebreak.yaml", nil)
	if want := "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; cfg.Digest != want {
		t.Errorf("digest of nothing is %s, want %s", cfg.Digest, want)
	}
	if other, _ := Parse("firebreak.yaml", []byte("{}")); other.Digest == cfg.Digest {
		t.Error("other bytes have the same digest")
	}
}

// TestParseLimits feeds what would hurt a careless parser. Each must be
// refused, with few problems.
func TestParseLimits(t *testing.T) {
	wide := func(line string) string { return strings.Repeat(line, runbook.MaxBytes/4/len(line)) }
	deep := strings.Repeat("[", runbook.MaxDepth+1) + strings.Repeat("]", runbook.MaxDepth+1)
	for name, c := range map[string]struct{ src, id string }{
		"too big":             {strings.Repeat(" ", runbook.MaxBytes+1), "too-large"},
		"50 MB":               {strings.Repeat("a: b\n", 10<<20), "too-large"},
		"deep":                {"tools: {http: {a: " + deep + "}}", "too-deep"},
		"20,000 deep":         {strings.Repeat("[", 20_000), "too-deep"},
		"deep in lines":       {strings.Repeat("- ", 9_000) + "a", "too-deep"},
		"open brackets":       {strings.Repeat("[", runbook.MaxBytes), "too-deep"},
		"alias bomb":          {"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n", "yaml-anchor"},
		"one key, many times": {wide("a: 1\n"), "duplicate-key"},
		"many documents":      {wide("---\n"), "second-document"},
		"many strangers":      {"people: {a: {}}\nroles: {sre: {people: [" + wide("x1,") + "]}}", "duplicate-person"},
		"not UTF-8":           {"a: \xff\n", "not-text"},
		"UTF-16":              {"\xff\xfea\x00:\x00", "not-text"},
		"a hidden line":       {"roles: {} # all of them\u0085people: {}\n", "not-text"},
		"a lone return":       {"roles: {}\rpeople: {}\n", "not-text"},
		"control character":   {"a: \x01\n", "not-text"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, found := Parse("firebreak.yaml", []byte(c.src))
			if cfg != nil || len(found) == 0 || len(found) > 101 {
				t.Fatalf("%d problems", len(found))
			}
			ids := map[string]bool{}
			for _, p := range found {
				ids[p.ID] = true
				if len(p.String()) > 1000 {
					t.Errorf("a message has %d bytes", len(p.String()))
				}
			}
			if !ids[c.id] {
				t.Errorf("no %s, but %v", c.id, ids)
			}
		})
	}
}

func TestParseChat(t *testing.T) {
	s := parse(t, "chat.yaml").Chat.Slack
	want := &Slack{
		BotToken: "env:SLACK_BOT_TOKEN", AppToken: "file:/run/secrets/slack-app", Channel: "C0OPS", Fallback: "C0OTHER",
		Services: map[string]string{"api": "C0API"}, Roles: map[string]string{"sre-leads": "C0LEADS"}, Groups: map[string]string{"sre-oncall": "S0ONCALL"},
		Email: true, Command: "/rb", APIURL: "https://slack-gov.com/api/", Pos: at(11, 5),
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for at, want := range map[[2]string]string{{"api", "sre-leads"}: "C0API", {"db", "sre-leads"}: "C0LEADS", {"db", "sre-oncall"}: "C0OPS", {"", ""}: "C0OPS"} {
		if got := s.ChannelOf(at[0], at[1]); got != want {
			t.Errorf("%q has the channel %s, not %s", at, got, want)
		}
	}
}
