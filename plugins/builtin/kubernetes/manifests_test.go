package kubernetes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestManifestsAreTaken has a real API server look at what deploy/kustomize
// makes, strictly and as a dry run, and at the pod of it by the strictest rules
// for pods.
func TestManifestsAreTaken(t *testing.T) {
	p := startPlane(t)
	files, err := filepath.Glob("../../../deploy/kustomize/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%v, %v", files, err)
	}
	const dry = "?dryRun=All&fieldValidation=Strict"
	var pod map[string]any
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := yaml.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		kind, _ := doc["kind"].(string)
		version, _ := doc["apiVersion"].(string)
		group := version
		if version == "v1" {
			group = ""
		}
		at := p.at(group, strings.ToLower(kind)+"s") + dry
		switch kind {
		case "Kustomization":
			continue // only kustomize reads it
		case "Namespace":
			p.ask("PATCH", "/api/v1/namespaces/"+p.namespace, encode(t, map[string]any{"metadata": map[string]any{"labels": doc["metadata"].(map[string]any)["labels"]}}), nil)
			continue
		case "NetworkPolicy":
			at = p.at(group, "networkpolicies") + dry
		case "ServiceAccount":
			at = p.at(group, "serviceaccounts") // the pod has it
		case "StatefulSet":
			pod = doc["spec"].(map[string]any)["template"].(map[string]any)
		}
		if err := p.try("POST", at, encode(t, doc), nil); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
	pod["apiVersion"], pod["kind"] = "v1", "Pod"
	pod["metadata"].(map[string]any)["name"] = "firebreak-0"
	spec := pod["spec"].(map[string]any)
	mounted := append(spec["volumes"].([]any), map[string]any{"name": "state", "emptyDir": map[string]any{}}) // by the StatefulSet
	spec["volumes"] = mounted
	if err := p.try("POST", p.at("", "pods")+dry, encode(t, pod), nil); err != nil {
		t.Errorf("the pod: %v", err)
	}
	spec["hostNetwork"] = true
	if err := p.try("POST", p.at("", "pods")+dry, encode(t, pod), nil); err == nil {
		t.Error("a pod that has the host's network is taken: the rules for pods do not hold here")
	}
}
