package service

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine/policy"
)

const crew = `
roles:
  oncall: {people: [alice, bob]}
  leads: {people: [alice], break_glass: true}
  admins: {people: [carol], break_glass: true}
people:
  alice: {os_user: al}
  bob: {os_user: bob}
  carol: {}
  dave: {os_user: dave}
`

func TestPersonByOSUser(t *testing.T) {
	cfg, _ := Parse("firebreak.yaml", []byte(crew))
	for user, want := range map[string]string{"al": "alice", "bob": "bob", "dave": "dave", "alice": "", "root": "", "": "", "Bob": ""} {
		name, ok := cfg.PersonByOSUser(user)
		if name != want || ok != (want != "") {
			t.Errorf("OS user %q is %q, %v; want %q", user, name, ok, want)
		}
	}
}

func TestRoles(t *testing.T) {
	cfg, _ := Parse("firebreak.yaml", []byte(crew))
	for person, roles := range map[string][]string{
		"alice":    {"leads", "oncall"},
		"bob":      {"oncall"},
		"carol":    {"admins"},
		"dave":     nil,
		"stranger": nil,
		"":         nil,
	} {
		for _, role := range []string{"oncall", "leads", "admins", "nowhere"} {
			if has := slices.Contains(roles, role); cfg.InRole(person, role) != has {
				t.Errorf("%q in role %s: %v", person, role, !has)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	known := Known{Capabilities: []string{"metrics", "database"}, Builtins: []string{"prometheus", "postgres", "http"}}
	cfg, found := Parse("firebreak.yaml", []byte(`services:
  api:
    environment: prod
    owner: platform
    metrcs: {plugin: prometheus}
    database: {plugin: postgre}
    workload: {plugin: acme}
tools:
  http: {}
  htpp: {}
plugins:
  acme: {path: /opt/acme, sha256: "0000000000000000000000000000000000000000000000000000000000000000"}
  http: {path: /opt/http, sha256: "0000000000000000000000000000000000000000000000000000000000000000"}
`))
	if len(found) > 0 {
		t.Fatal(report(found))
	}
	want := `[unknown-capability] firebreak.yaml:5:5: unknown capability "metrcs" in service api
    did you mean metrics?
[unknown-plugin] firebreak.yaml:6:24: there is no plugin "postgre"
    did you mean postgres?
[unknown-capability] firebreak.yaml:7:5: unknown capability "workload" in service api
    there is database, metrics
[unknown-plugin] firebreak.yaml:10:3: there is no plugin "htpp"
    did you mean http?
[shadowed-builtin] firebreak.yaml:13:3: plugin http would replace the built-in of that name
    give it another name
`
	if diff := cmp.Diff(want, report(cfg.Check(known))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPolicy(t *testing.T) {
	src, err := os.ReadFile("testdata/accepted/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg, found := Parse("firebreak.yaml", src)
	if len(found) > 0 {
		t.Fatal(found)
	}
	p := cfg.Policy
	peak, yearEnd, night := p.Freezes[0], p.Freezes[1], p.Maintenance[0]
	if peak.From != 17*60 || peak.Until != 21*60+30 || len(peak.Days) != 5 || !peak.Rollbacks || peak.Once != nil {
		t.Errorf("peak hours: %+v", peak)
	}
	if o := yearEnd.Once; o == nil || o.From != (policy.Wall{Year: 2026, Month: 12, Day: 20}) || o.Until != (policy.Wall{Year: 2027, Month: 1, Day: 4, Clock: 360}) {
		t.Errorf("the end of the year: %+v", yearEnd.Once)
	}
	if len(night.Days) != 7 || night.Zone != "America/New_York" || p.Zone != "Europe/Berlin" {
		t.Errorf("nights: %+v", night)
	}
	for f, want := range map[*Freeze][]string{peak: {"shop"}, yearEnd: {"api", "shop"}, night: nil} {
		if got := cfg.Concerns(f.Services, f.Environments); !slices.Equal(got, want) {
			t.Errorf("%s is about %v, wanted %v", f.Name, got, want)
		}
	}
	if got := cfg.Rule(peak.Pos, "policy.freezes.peak-hours"); got != "firebreak.yaml:7 policy.freezes.peak-hours" {
		t.Error(got)
	}
	found = cfg.Check(Known{Zone: func(name string) bool { return name == "Europe/Berlin" }})
	if want := "[bad-time] firebreak.yaml:25:50: there is no time zone \"America/New_York\"\n    write it as Europe/Berlin or UTC\n"; report(found) != want {
		t.Errorf("got %s", report(found))
	}
}
