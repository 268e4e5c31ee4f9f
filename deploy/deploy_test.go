// Package deploy_test holds what is shipped for deploying to what reads it.
package deploy_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// program finds a program that the tests need, which CI has.
func program(t *testing.T, name, of string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") != "true" {
		t.Skipf("%s is not installed: `make test` installs %s", name, of)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestAlertRules runs the tests of the alert rules: the alert comes before the
// errors, and none comes where nothing is wrong.
func TestAlertRules(t *testing.T) {
	promtool := program(t, "promtool", "prometheus")
	tests, err := filepath.Glob("alerts/*.test.yaml")
	if err != nil || len(tests) < 2 {
		t.Fatalf("%v, %v", tests, err)
	}
	for _, file := range tests {
		rules := strings.Replace(file, ".test.yaml", ".yaml", 1)
		for _, args := range [][]string{{"check", "rules", rules}, {"test", "rules", file}} {
			if out, err := exec.Command(promtool, args...).CombinedOutput(); err != nil {
				t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
	}
}

// kinds are those of the manifests, as Kubernetes has them.
var kinds = map[string]func() runtime.Object{
	"Namespace":             func() runtime.Object { return &corev1.Namespace{} },
	"ServiceAccount":        func() runtime.Object { return &corev1.ServiceAccount{} },
	"Service":               func() runtime.Object { return &corev1.Service{} },
	"PersistentVolumeClaim": func() runtime.Object { return &corev1.PersistentVolumeClaim{} },
	"StatefulSet":           func() runtime.Object { return &appsv1.StatefulSet{} },
	"NetworkPolicy":         func() runtime.Object { return &networkingv1.NetworkPolicy{} },
}

// TestManifests reads every manifest as Kubernetes does, strictly, and holds
// that the process has no right that it does not need.
func TestManifests(t *testing.T) {
	listed, err := os.ReadFile("kustomize/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("kustomize/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if name == "kustomization.yaml" {
			continue
		}
		if !strings.Contains(string(listed), name) {
			t.Errorf("%s is not in kustomization.yaml", name)
		}
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var head struct {
			Kind string `json:"kind"`
		}
		if err := yaml.Unmarshal(src, &head); err != nil || kinds[head.Kind] == nil {
			t.Errorf("%s: kind %q, %v", name, head.Kind, err)
			continue
		}
		object := kinds[head.Kind]()
		if err := yaml.UnmarshalStrict(src, object); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if set, ok := object.(*appsv1.StatefulSet); ok {
			narrow(t, set)
		}
	}
}

func narrow(t *testing.T, set *appsv1.StatefulSet) {
	t.Helper()
	pod := set.Spec.Template.Spec
	s := pod.SecurityContext
	if *set.Spec.Replicas != 1 || s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil ||
		s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault || pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		t.Errorf("the pod may do too much, or is more than one: %+v", s)
	}
	for _, c := range pod.Containers {
		s := c.SecurityContext
		if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem ||
			s.Capabilities == nil || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
			t.Errorf("%s may do too much: %+v", c.Name, s)
		}
		if c.LivenessProbe == nil || c.ReadinessProbe == nil || c.Resources.Limits.Memory().IsZero() {
			t.Errorf("%s is not watched, or has no limit", c.Name)
		}
	}
}

// TestUnit lets systemd look at the unit, where it is; its user and program
// are those of a machine on which firebreak is installed.
func TestUnit(t *testing.T) {
	src, err := os.ReadFile("systemd/firebreak.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"ExecStart=/usr/local/bin/firebreak serve", "User=firebreak", "KillSignal=SIGTERM", "NoNewPrivileges=yes", "ProtectSystem=strict", "Restart=on-failure"} {
		if !bytes.Contains(src, []byte("\n"+line)) {
			t.Errorf("the unit does not say %s", line)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return // a machine without systemd has no way to say more
	}
	dir := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	src = bytes.ReplaceAll(src, []byte("/usr/local/bin/firebreak"), []byte(program))
	unit := filepath.Join(dir, "firebreak.service")
	if err := os.WriteFile(unit, src, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(analyze, "verify", "--man=no", unit)
	cmd.Stdout = io.Discard
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil || bytes.Contains(said.Bytes(), []byte(unit+":")) {
		t.Errorf("%v\n%s", err, &said)
	}
}
