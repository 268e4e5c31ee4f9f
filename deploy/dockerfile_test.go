package deploy_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDockerfile holds the image to what is tested without it: its binary is
// built as `make build` builds it, and its user and volume are those of the
// manifests. TestImage runs it.
func TestDockerfile(t *testing.T) {
	read := func(file string) string {
		t.Helper()
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	image, rules, manifest := read("../Dockerfile"), read("../Makefile"), read("kustomize/statefulset.yaml")
	command := regexp.MustCompile(`CGO_ENABLED=0 go build (.*) -ldflags ['"](.*) -X main\.version=`)
	ours, theirs := command.FindStringSubmatch(image), command.FindStringSubmatch(rules)
	if ours == nil || theirs == nil || ours[1] != theirs[1] || ours[2] != theirs[2] {
		t.Errorf("the image is built with %q, and make build with %q", ours, theirs)
	}
	one := func(pattern string) string {
		t.Helper()
		all := regexp.MustCompile(`(?m)^`+pattern+`$`).FindAllStringSubmatch(image, -1)
		if len(all) != 1 {
			t.Fatalf("%d lines like %s", len(all), pattern)
		}
		return all[0][1]
	}
	user, volume := one(`USER (\d+):\d+`), one(`VOLUME (\S+)`)
	if !strings.Contains(manifest, "runAsUser: "+user+"\n") || !strings.Contains(manifest, "mountPath: "+volume) {
		t.Errorf("user %s and volume %s are not those of the StatefulSet", user, volume)
	}
}
