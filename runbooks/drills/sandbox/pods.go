package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/firebreak-ops/firebreak/runbooks/drills/kubelet"
	"github.com/firebreak-ops/firebreak/runbooks/drills/practice"
)

// pods runs the pods of a Deployment as the service's processes, each in a
// slot of the supervisor whose address stays. It is the runtime of a node.
type pods struct {
	*supervisor

	client *http.Client
	tell   func(deployed) error
	log    *log.Logger

	mu    sync.Mutex
	taken map[*replica]*child
	told  string // the revision that all were last told to run
}

var _ kubelet.Runtime = (*pods)(nil)

// runPods makes the service in a namespace of its own, with a node of its own,
// and takes both away when ctx ends.
func runPods(ctx context.Context, opts hostOptions, dsn string, began func(*supervisor, string) error, live func(deployed) error, logger *log.Logger) (err error) {
	c, err := openCluster(opts.Kubeconfig)
	if err != nil {
		return err
	}
	s, err := newSupervisor(opts, dsn, nil, logger.Writer())
	if err != nil {
		return err
	}
	defer s.close()
	var made struct{ Metadata struct{ Name string } }
	if err := c.ask(ctx, http.MethodPost, "/api/v1/namespaces", map[string]any{
		"metadata": map[string]any{"generateName": drillPrefix, "labels": map[string]string{drillLabel: "true"}},
	}, &made); err != nil {
		return err
	}
	namespace := made.Metadata.Name
	p := &pods{
		supervisor: s, client: &http.Client{Timeout: time.Second}, tell: live, log: logger, taken: map[*replica]*child{},
	}
	life, end := context.WithCancel(ctx)
	var sweeping sync.WaitGroup
	sweeping.Go(func() {
		swept, err := c.sweep(life, "true", namespace, func(ctx context.Context) bool {
			select {
			case <-time.After(silence):
				return true
			case <-ctx.Done():
				return false
			}
		})
		if len(swept) > 0 {
			logger.Printf("took away what drills had left that are dead: %s", strings.Join(swept, ", "))
		}
		if err != nil && life.Err() == nil {
			logger.Printf("what dead drills have left: %v", err)
		}
	})
	gone, err := kubelet.Start(life, kubelet.Options{
		Config: c.config, Name: namespace, Runtime: p, Log: func(text string) { logger.Print(text) },
	})
	defer func() {
		end()
		sweeping.Wait()
		if gone != nil {
			<-gone
		}
		err = errors.Join(err, leave(context.WithoutCancel(ctx), c, namespace))
	}()
	if err != nil {
		return err
	}
	if err := c.deploy(ctx, namespace, len(s.replicas)); err != nil {
		return err
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := began(s, namespace); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// leave takes the namespace away, and its pods at once, whose node is gone.
func leave(ctx context.Context, c *cluster, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	at := "/api/v1/namespaces/" + namespace
	return errors.Join(
		c.ask(ctx, http.MethodDelete, at, nil, nil),
		c.ask(ctx, http.MethodDelete, at+"/pods", map[string]any{"gracePeriodSeconds": 0}, nil),
	)
}

// deploy makes the ConfigMap and the Deployment of the service.
func (c *cluster) deploy(ctx context.Context, namespace string, replicas int) error {
	past, err := seededHistory(time.Now())
	if err != nil {
		return err
	}
	newest := past[len(past)-1]
	data, err := flat(newest.text)
	if err != nil {
		return err
	}
	if err := c.ask(ctx, http.MethodPost, "/api/v1/namespaces/"+namespace+"/configmaps?fieldManager="+newest.author, map[string]any{
		"metadata": map[string]any{"name": settingsMap}, "data": data,
	}, nil); err != nil {
		return err
	}
	labels := map[string]string{"app": Service}
	return c.ask(ctx, http.MethodPost, "/apis/apps/v1/namespaces/"+namespace+"/deployments", map[string]any{
		"metadata": map[string]any{"name": Service},
		"spec": map[string]any{
			"replicas": replicas, "selector": map[string]any{"matchLabels": labels},
			"template": map[string]any{
				"metadata": map[string]any{"labels": labels},
				"spec": map[string]any{
					"terminationGracePeriodSeconds": 5, "automountServiceAccountToken": false,
					"nodeSelector": map[string]string{corev1.LabelHostname: namespace},
					"tolerations":  []any{map[string]string{"operator": "Exists"}},
					"containers":   []any{map[string]string{"name": Service, "image": releaseVersion}},
					"volumes":      []any{map[string]any{"name": "settings", "configMap": map[string]string{"name": settingsMap}}},
				},
			},
		},
	}, nil)
}

// Start implements [kubelet.Runtime].
func (p *pods) Start(_ *corev1.Pod, settings map[string]string) (kubelet.Process, error) {
	wanted, err := settingsOf(settings)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.replicas {
		if c := p.taken[r]; c != nil && !ended(c) {
			continue
		}
		c, err := p.launch(r, wanted)
		if err != nil {
			return nil, err
		}
		p.taken[r] = c
		return &pod{pods: p, replica: r, child: c}, nil
	}
	return nil, &kubelet.Waiting{Reason: kubelet.Creating, Message: "the pod whose place it takes has not ended"}
}

func ended(c *child) bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// settingsOf reads what a replica needs of the ConfigMap. Its revision is what
// the replicas tell apart settings by.
func settingsOf(settings map[string]string) (practice.Settings, error) {
	limit, err := strconv.Atoi(settings[PoolSetting])
	if err != nil {
		return practice.Settings{}, fmt.Errorf("ConfigMap %s: %s: %w", settingsMap, PoolSetting, err)
	}
	return practice.Settings{PoolMax: limit, Revision: fmt.Sprint(settings)}, nil
}

// noticed tells when every replica runs the same settings.
func (p *pods) noticed(now practice.Settings) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.replicas {
		if at := r.running.Load(); at == nil || at.Revision != now.Revision {
			return
		}
	}
	if p.told == now.Revision {
		return
	}
	p.told = now.Revision
	if err := p.tell(deployed{Settings: now, At: time.Now().UTC()}); err != nil {
		p.log.Print(err)
	}
}

// pod is one process in the place of a pod.
type pod struct {
	pods    *pods
	replica *replica
	child   *child
}

// Ready implements [kubelet.Process].
func (p *pod) Ready(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if !answers(ctx, p.replica.url+"/ready") {
		return "/ready does not answer 200"
	}
	return ""
}

// Set implements [kubelet.Process]: the service reads its settings anew when
// the mounted file changes.
func (p *pod) Set(ctx context.Context, settings map[string]string) {
	wanted, err := settingsOf(settings)
	if err == nil {
		err = deploy(ctx, p.pods.client, p.replica.url, wanted)
	}
	if err != nil {
		p.pods.log.Printf("%s: %v", p.replica.name, err)
		return
	}
	p.replica.running.Store(&wanted)
	p.pods.noticed(wanted)
}

// Done implements [kubelet.Process].
func (p *pod) Done() <-chan struct{} { return p.child.done }

// End implements [kubelet.Process].
func (p *pod) End() (code int, words string) {
	if exit, ok := errors.AsType[*exec.ExitError](p.child.err); ok {
		return max(exit.ExitCode(), 1), p.child.err.Error()
	}
	return 0, ""
}

// Stop implements [kubelet.Process].
func (p *pod) Stop() {
	if err := p.child.stop(2*time.Second, syscall.SIGTERM); err != nil {
		p.pods.log.Print(err)
	}
}
