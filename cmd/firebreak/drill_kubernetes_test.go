package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/firebreak-ops/firebreak/runbooks/drills"
)

// TestDrillOnKubernetes plays the outage with the same runbook in a cluster:
// the settings are a ConfigMap, and the pods are restarted in waves.
func TestDrillOnKubernetes(t *testing.T) {
	file := os.Getenv("FIREBREAK_KUBECONFIG")
	if file == "" {
		t.Skip("needs a cluster: make test-kubernetes starts one, or FIREBREAK_KUBECONFIG names that of kind or k3d")
	}
	needPostgres(t)
	p, dir := startDrill(t, "--on", "kubernetes", "--kubeconfig", file, "--json")
	last := drilled(t, p)
	var r drills.Result
	if err := json.Unmarshal([]byte(last), &r); err != nil || !r.Passed || r.Cause != "app_pool_too_small" {
		t.Errorf("the drill says %s: %v", last, err)
	}
	if len(r.Goals) != 4 || r.Goals[0].Limit != 11 {
		t.Errorf("goals are %+v; each has 10 s more than on processes", r.Goals)
	}
	waves := 0
	for line := range strings.Lines(p.said()) {
		if strings.Contains(line, `"type":"progress"`) && strings.Contains(line, ": restarting ") {
			waves++
		}
	}
	if waves < 2 {
		t.Errorf("the pods were restarted in %d waves", waves)
	}
	drillGone(t, dir)
	drillLeft(t, file)
}

// drillLeft waits until no drill has anything in the cluster but namespaces
// that are going.
func drillLeft(t *testing.T, file string) {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		t.Fatal(err)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"nodes", "namespaces"} {
		res, err := client.Get(config.Host + "/api/v1/" + what)
		if err != nil {
			t.Fatal(err)
		}
		var all struct {
			Items []struct {
				Metadata struct{ Name, DeletionTimestamp string }
			}
		}
		err = json.NewDecoder(res.Body).Decode(&all)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v", res.Status, err)
		}
		for _, item := range all.Items {
			if strings.HasPrefix(item.Metadata.Name, "firebreak-drill-") && item.Metadata.DeletionTimestamp == "" {
				t.Errorf("of %s, %s is left", what, item.Metadata.Name)
			}
		}
	}
}
