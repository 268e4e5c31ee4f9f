package kubelet

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// client speaks of the core API what a kubelet speaks.
type client struct{ rest.Interface }

func newClient(cfg *rest.Config) (client, error) {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	if err := corev1.AddToScheme(scheme); err != nil {
		return client{}, err
	}
	own := rest.CopyConfig(cfg)
	own.GroupVersion, own.APIPath, own.QPS, own.Burst = &corev1.SchemeGroupVersion, "/api", 200, 400
	own.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	c, err := rest.RESTClientFor(own)
	return client{c}, err
}

func (c client) register(ctx context.Context, node *corev1.Node) error {
	if err := c.Post().Resource("nodes").Body(node).Do(ctx).Error(); err != nil {
		return fmt.Errorf("register node %s: %w", node.Name, err)
	}
	return c.beat(ctx, node)
}

// beat tells that the node is alive, and what it is.
func (c client) beat(ctx context.Context, node *corev1.Node) error {
	at := metav1.Now()
	for i := range node.Status.Conditions {
		node.Status.Conditions[i].LastHeartbeatTime = at
	}
	raw, err := json.Marshal(map[string]any{"status": node.Status})
	if err != nil {
		return err
	}
	if err := c.Patch(types.MergePatchType).Resource("nodes").Name(node.Name).SubResource("status").Body(raw).Do(ctx).Error(); err != nil {
		return fmt.Errorf("node %s: %w", node.Name, err)
	}
	return nil
}

// leave takes the node away. That it is gone already is as good.
func (c client) leave(ctx context.Context, name string) {
	_ = c.Delete().Resource("nodes").Name(name).Do(ctx).Error()
}

func (c client) pods(ctx context.Context, node string) ([]corev1.Pod, error) {
	var all corev1.PodList
	o := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("spec.nodeName", node).String()}
	err := c.Get().Resource("pods").SpecificallyVersionedParams(&o, metav1.ParameterCodec, metav1.SchemeGroupVersion).Do(ctx).Into(&all)
	return all.Items, err
}

func (c client) configMap(ctx context.Context, namespace, name string) (map[string]string, error) {
	var m corev1.ConfigMap
	err := c.Get().Namespace(namespace).Resource("configmaps").Name(name).Do(ctx).Into(&m)
	return m.Data, err
}

func (c client) status(ctx context.Context, pod *corev1.Pod, s *corev1.PodStatus) error {
	next := pod.DeepCopy()
	next.Status, next.ResourceVersion = *s, ""
	return c.Put().Namespace(pod.Namespace).Resource("pods").Name(pod.Name).SubResource("status").Body(next).Do(ctx).Error()
}

// remove says that a pod has ended, whose end was asked for.
func (c client) remove(ctx context.Context, pod *corev1.Pod) error {
	return c.Delete().Namespace(pod.Namespace).Resource("pods").Name(pod.Name).Body(&metav1.DeleteOptions{
		GracePeriodSeconds: new(int64(0)), Preconditions: metav1.NewUIDPreconditions(string(pod.UID)),
	}).Do(ctx).Error()
}

// unhealthy is the event of a probe that failed.
func (c client) unhealthy(ctx context.Context, pod *corev1.Pod, text string) error {
	now := metav1.Now()
	return c.Post().Namespace(pod.Namespace).Resource("events").Body(&corev1.Event{
		ObjectMeta: metav1.ObjectMeta{GenerateName: pod.Name + ".", Namespace: pod.Namespace},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: types.UID(string(pod.UID)),
		},
		Reason: "Unhealthy", Message: text, Type: corev1.EventTypeWarning, FirstTimestamp: now, LastTimestamp: now, Count: 1,
		Source: corev1.EventSource{Component: "kubelet", Host: pod.Spec.NodeName},
	}).Do(ctx).Error()
}
