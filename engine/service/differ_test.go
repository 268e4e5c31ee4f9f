package service

import (
	"slices"
	"testing"
)

func TestDiffer(t *testing.T) {
	const was = "people:\n  ann: {os_user: ann}\nroles:\n  sre: {people: [ann]}\npolicy: {zone: UTC}\n"
	for is, want := range map[string][]string{
		was: nil,
		"# anew\nroles: {sre: {people: [\"ann\"]}}\npeople: {ann: {os_user: ann}}\npolicy:\n  zone: UTC\n": nil,
		"people:\n  ann: {os_user: ann}\nroles:\n  sre: {people: [ann, bob]}\npaging: {}\n":                {"paging", "policy", "roles"},
		"": {"people", "policy", "roles"},
	} {
		if got := Differ([]byte(was), []byte(is)); !slices.Equal(got, want) {
			t.Errorf("%q differs in %v, want %v", is, got, want)
		}
	}
}
