package sandbox

import (
	"context"
	"crypto/rand"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSweep leaves namespaces behind as a drill does that was killed with all
// that is its own. Another one takes away those, and nothing else.
func TestSweep(t *testing.T) {
	file := os.Getenv("FIREBREAK_KUBECONFIG")
	if file == "" {
		t.Skip("needs a cluster: make test-kubernetes starts one, or FIREBREAK_KUBECONFIG names that of kind or k3d")
	}
	text, err := wholeKubeconfig(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := openCluster(text)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path string, body, into any) {
		t.Helper()
		if err := c.ask(t.Context(), method, path, body, into); err != nil {
			t.Fatal(err)
		}
	}
	mark := strings.ToLower(rand.Text()[:12]) // drills that are under way have another
	space := func(prefix, mark string) string {
		var made named
		ask(http.MethodPost, "/api/v1/namespaces", map[string]any{"metadata": map[string]any{"generateName": prefix, "labels": map[string]string{drillLabel: mark}}}, &made)
		t.Cleanup(func() {
			_ = c.ask(context.Background(), http.MethodDelete, "/api/v1/namespaces/"+made.Metadata.Name, nil, nil)
			_ = c.forget(context.Background(), made.Metadata.Name)
		})
		return made.Metadata.Name
	}
	beat := func(node string, at time.Time) {
		t.Helper()
		ask(http.MethodPatch, "/api/v1/nodes/"+node+"/status", map[string]any{"status": map[string]any{"conditions": []any{
			map[string]any{"type": "Ready", "status": "True", "lastHeartbeatTime": at.UTC().Format(time.RFC3339)},
		}}}, nil)
	}
	node := func(name string) string {
		ask(http.MethodPost, "/api/v1/nodes", map[string]any{"metadata": map[string]any{"name": name}}, nil)
		beat(name, time.Now())
		return name
	}
	dead, noNode := node(space(drillPrefix, mark)), space(drillPrefix, mark)
	alive, own := node(space(drillPrefix, mark)), node(space(drillPrefix, mark))
	others := []string{node(space(drillPrefix, mark+"x")), node(space("somebody-", mark))}
	var late string
	wait := func(context.Context) bool {
		beat(alive, time.Now().Add(10*time.Second))
		late = space(drillPrefix, mark)
		return true
	}
	swept, err := c.sweep(t.Context(), mark, own, wait)
	slices.Sort(swept)
	want := []string{dead, noNode}
	slices.Sort(want)
	if err != nil || !slices.Equal(swept, want) {
		t.Errorf("swept %v, %v; want %v", swept, err, want)
	}
	for name, gone := range map[string]bool{dead: true, noNode: true, alive: false, own: false, late: false, others[0]: false, others[1]: false} {
		var is named
		err := c.ask(t.Context(), http.MethodGet, "/api/v1/namespaces/"+name, nil, &is)
		if going := err != nil || is.Metadata.DeletionTimestamp != ""; going != gone {
			t.Errorf("%s is going: %t; want %t", name, going, gone)
		}
	}
	if err := c.ask(t.Context(), http.MethodGet, "/api/v1/nodes/"+dead, nil, nil); err == nil {
		t.Error("the dead drill's node is left")
	}
	swept, err = c.sweep(t.Context(), mark, own, func(context.Context) bool { return false })
	if err != nil || len(swept) != 0 {
		t.Errorf("a drill that ended before the others had their time swept %v, %v", swept, err)
	}
}
