package kubelet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

const (
	poll      = 100 * time.Millisecond // how often pods are looked at
	heartbeat = 10 * time.Second
	firstWait = time.Second // before a container that ended is started again
	longWait  = 8 * time.Second
)

// Options describe a node. All are required but Log.
type Options struct {
	Config  *rest.Config // of a user who may do what a kubelet does
	Name    string       // of the node, which is also the value of its label kubernetes.io/hostname
	Runtime Runtime
	Log     func(text string)
}

// Node is a node. Its pods tolerate everything or come when it is Ready.
type Node struct {
	opts   Options
	client client
	logs   *logs
	node   *corev1.Node

	pods map[types.UID]*runner // of the loop alone
}

// Start registers the node and returns at once. The node runs until ctx ends;
// then it ends its pods' processes, takes itself away, and closes the channel
// that is returned.
func Start(ctx context.Context, opts Options) (<-chan struct{}, error) {
	c, err := newClient(opts.Config)
	if err != nil {
		return nil, fmt.Errorf("kubelet %s: %w", opts.Name, err)
	}
	n := &Node{opts: opts, client: c, pods: map[types.UID]*runner{}}
	if n.logs, err = serveLogs(); err != nil {
		return nil, fmt.Errorf("kubelet %s: %w", opts.Name, err)
	}
	n.node = describe(opts.Name, n.logs.port)
	if err := c.register(ctx, n.node); err != nil {
		return nil, errors.Join(err, n.logs.close(ctx))
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		n.run(ctx)
	}()
	return gone, nil
}

func describe(name string, port int) *corev1.Node {
	room := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("16"), corev1.ResourceMemory: resource.MustParse("64Gi"), corev1.ResourcePods: resource.MustParse("200"),
	}
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}},
		// The cluster's own pods have no business here.
		Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: "firebreak/practice", Effect: corev1.TaintEffectNoSchedule}}},
		Status: corev1.NodeStatus{
			Capacity: room, Allocatable: room, Phase: corev1.NodeRunning,
			Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "127.0.0.1"}, {Type: corev1.NodeHostName, Address: "127.0.0.1"}},
			Conditions: []corev1.NodeCondition{{
				Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", LastTransitionTime: metav1.Now(),
			}},
		},
	}
	n.Status.DaemonEndpoints.KubeletEndpoint.Port = int32(port) //nolint:gosec // a port
	return n
}

func (n *Node) sayf(format string, args ...any) {
	if n.opts.Log != nil {
		n.opts.Log(fmt.Sprintf(format, args...))
	}
}

func (n *Node) run(ctx context.Context) {
	defer n.end(context.WithoutCancel(ctx))
	tick := time.NewTicker(poll)
	defer tick.Stop()
	beat := time.Now()
	for ctx.Err() == nil {
		if err := n.sync(ctx); err != nil && ctx.Err() == nil {
			n.sayf("%v", err) // the server may be gone; the pods live on
		}
		if time.Since(beat) > heartbeat {
			beat = time.Now()
			if err := n.client.beat(ctx, n.node); err != nil && ctx.Err() == nil {
				n.sayf("%v", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// end leaves no process, and no node.
func (n *Node) end(ctx context.Context) {
	var all sync.WaitGroup
	for _, r := range n.pods {
		all.Go(r.stop)
	}
	all.Wait()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	n.client.leave(ctx, n.node.Name)
	if err := n.logs.close(ctx); err != nil {
		n.sayf("%v", err)
	}
}

// sync looks at each pod once.
func (n *Node) sync(ctx context.Context) error {
	all, err := n.client.pods(ctx, n.opts.Name)
	if err != nil {
		return fmt.Errorf("kubelet %s: list its pods: %w", n.opts.Name, err)
	}
	there := map[types.UID]bool{}
	read := map[string]configMap{} // once for all pods
	var errs []error
	for i := range all {
		pod := &all[i]
		there[pod.UID] = true
		r := n.pods[pod.UID]
		if r == nil {
			r = &runner{runtime: n.opts.Runtime, logs: n.logs, wait: firstWait}
			n.pods[pod.UID] = r
		}
		errs = append(errs, n.syncPod(ctx, r, pod, read))
	}
	for uid, r := range n.pods {
		if !there[uid] { // somebody took it away by force
			delete(n.pods, uid)
			go r.stop()
		}
	}
	return errors.Join(errs...)
}

func (n *Node) syncPod(ctx context.Context, r *runner, pod *corev1.Pod, read map[string]configMap) error {
	if pod.DeletionTimestamp != nil {
		if !r.stopping {
			r.stopping = true
			go func() { // others go on meanwhile
				r.stop()
				if err := n.client.remove(context.WithoutCancel(ctx), pod); err != nil && !apierrors.IsNotFound(err) {
					n.sayf("%s: %v", pod.Name, err)
				}
			}()
		}
		return nil
	}
	settings, err := n.settings(ctx, pod, read)
	r.sync(ctx, pod, settings, err)
	status, failed := r.status(pod)
	if failed != "" {
		if err := n.client.unhealthy(ctx, pod, failed); err != nil {
			return err
		}
	}
	if status == nil {
		return nil
	}
	err = n.client.status(ctx, pod, status)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // it is gone, or another one by now
	}
	return err
}

// configMap is what was read of one.
type configMap struct {
	data map[string]string
	err  error
}

// settings are what the ConfigMaps hold that the pod names.
func (n *Node) settings(ctx context.Context, pod *corev1.Pod, read map[string]configMap) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range configMaps(pod) {
		key := pod.Namespace + "/" + name
		m, ok := read[key]
		if !ok {
			m.data, m.err = n.client.configMap(ctx, pod.Namespace, name)
			read[key] = m
		}
		if apierrors.IsNotFound(m.err) {
			return nil, &Waiting{"CreateContainerConfigError", fmt.Sprintf("configmap %q not found", name)}
		}
		if m.err != nil {
			return nil, m.err
		}
		maps.Copy(out, m.data)
	}
	return out, nil
}

func configMaps(pod *corev1.Pod) []string {
	var names []string
	for _, v := range pod.Spec.Volumes {
		if v.ConfigMap != nil {
			names = append(names, v.ConfigMap.Name)
		}
	}
	for _, c := range pod.Spec.Containers {
		for _, e := range c.EnvFrom {
			if e.ConfigMapRef != nil {
				names = append(names, e.ConfigMapRef.Name)
			}
		}
	}
	return names
}
