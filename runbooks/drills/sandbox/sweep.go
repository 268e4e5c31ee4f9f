package sandbox

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// drillPrefix begins the name of each drill's folder, and of its namespace,
	// and drillLabel is on that. Its node has the same name.
	drillPrefix = "firebreak-drill-"
	drillLabel  = "firebreak/drill"
	// silence is how long a node that lives does not keep: it tells of itself
	// every ten seconds.
	silence = 35 * time.Second
)

// named is an object of a cluster, as far as it matters here.
type named struct {
	Metadata struct{ Name, UID, DeletionTimestamp string }
	Status   struct {
		Conditions []struct{ Type, LastHeartbeatTime string }
	}
}

// sweep takes away what drills have left in the cluster that were killed
// together with all that would have cleaned up: namespaces with a drill's name
// and mark whose node is not there, or has told nothing of itself while wait
// took its time. It compares no clocks. own is left alone.
func (c *cluster) sweep(ctx context.Context, mark, own string, wait func(context.Context) bool) (swept []string, err error) {
	before, err := c.signs(ctx, mark)
	if err != nil || len(before) == 0 || !wait(ctx) {
		return nil, err
	}
	now, err := c.signs(ctx, mark)
	for name, sign := range now {
		if name == own || before[name] != sign { // it lives, or is a new one
			continue
		}
		swept = append(swept, name)
		err = errors.Join(err, leave(ctx, c, name), c.forget(ctx, name))
	}
	return swept, err
}

// signs are the drills' namespaces that are not going, each with its last sign
// of life.
func (c *cluster) signs(ctx context.Context, mark string) (map[string]string, error) {
	var spaces, nodes struct{ Items []named }
	of := "/api/v1/namespaces?labelSelector=" + url.QueryEscape(drillLabel+"="+mark)
	if err := errors.Join(c.ask(ctx, http.MethodGet, of, nil, &spaces), c.ask(ctx, http.MethodGet, "/api/v1/nodes", nil, &nodes)); err != nil {
		return nil, err
	}
	beats := map[string]string{}
	for _, n := range nodes.Items {
		for _, cond := range n.Status.Conditions {
			if cond.Type == "Ready" {
				beats[n.Metadata.Name] = n.Metadata.UID + " " + cond.LastHeartbeatTime
			}
		}
	}
	out := map[string]string{}
	for _, s := range spaces.Items {
		if strings.HasPrefix(s.Metadata.Name, drillPrefix) && s.Metadata.DeletionTimestamp == "" {
			out[s.Metadata.Name] = s.Metadata.UID + " " + beats[s.Metadata.Name]
		}
	}
	return out, nil
}

// forget takes away the node of a drill; that there is none is as good.
func (c *cluster) forget(ctx context.Context, node string) error {
	err := c.ask(ctx, http.MethodDelete, "/api/v1/nodes/"+node, nil, nil)
	if err != nil && strings.Contains(err.Error(), "404 Not Found") {
		return nil
	}
	return err
}
