package service

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
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
    did you mean "metrics"?
[unknown-plugin] firebreak.yaml:6:24: there is no plugin "postgre"
    did you mean "postgres"?
[unknown-capability] firebreak.yaml:7:5: unknown capability "workload" in service api
    capabilities: database, metrics
[unknown-plugin] firebreak.yaml:10:3: there is no plugin "htpp"
    did you mean "http"?
[shadowed-builtin] firebreak.yaml:13:3: plugin http would replace the built-in of that name
    give it another name
`
	if diff := cmp.Diff(want, report(cfg.Check(known))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
