package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/firebreak-ops/firebreak/plugins"
)

const (
	// manager owns, in the cluster's eyes, each field that we wrote.
	manager = "firebreak"
	// requestTime bounds one request, so that a server that is gone is
	// noticed.
	requestTime = 5 * time.Second
)

// podAccount is where a pod finds the token of its ServiceAccount, and the CA
// of the server.
const podAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// cluster is one namespace as one credential sees it. Of client-go it takes
// the part that connects, authenticates and decodes: the clients that are
// generated from it would bring every API that Kubernetes has.
type cluster struct {
	host      string // of the API server, with its port
	namespace string
	clients   map[string]rest.Interface // by group
}

// groups of the resources that are used. "" is the core.
var groups = map[string]string{
	"configmaps": "", "events": "", "pods": "",
	"deployments": appsv1.GroupName, "replicasets": appsv1.GroupName,
	"statefulsets": appsv1.GroupName, "controllerrevisions": appsv1.GroupName,
	"poddisruptionbudgets": policyv1.GroupName,
}

// connect makes the clients, and asks nothing of the server.
func connect(a access, effect plugins.Effect, account string) (*cluster, error) {
	cfg, err := a.restConfig(effect, account)
	if err != nil {
		return nil, err
	}
	cfg.UserAgent, cfg.Timeout, cfg.QPS, cfg.Burst = manager, requestTime, 50, 100
	at, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "the kubeconfig's server: %v", err)
	}
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	if err := errors.Join(appsv1.AddToScheme(scheme), corev1.AddToScheme(scheme), policyv1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	httpClient, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "the kubeconfig's credentials: %v", err)
	}
	c := &cluster{host: hostPort(at), namespace: a.Namespace, clients: map[string]rest.Interface{}}
	for _, gv := range []schema.GroupVersion{corev1.SchemeGroupVersion, appsv1.SchemeGroupVersion, policyv1.SchemeGroupVersion} {
		one := rest.CopyConfig(cfg)
		one.GroupVersion, one.APIPath = &gv, "/apis"
		if gv.Group == "" {
			one.APIPath = "/api"
		}
		one.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
		if c.clients[gv.Group], err = rest.RESTClientForConfigAndClient(one, httpClient); err != nil {
			return nil, plugins.Fail(plugins.Invalid, "the kubeconfig: %v", err)
		}
	}
	return c, nil
}

// restConfig reads the kubeconfig for the access, or what a pod has: a
// ServiceAccount in that folder, and the server's address in its environment.
func (a access) restConfig(effect plugins.Effect, account string) (*rest.Config, error) {
	key, text := "read", a.Read
	if effect != plugins.Read {
		key, text = "mutate", a.Mutate
	}
	switch {
	case text != "":
		raw, err := clientcmd.Load([]byte(text))
		if err != nil { // its text may quote a credential
			return nil, plugins.Fail(plugins.Invalid, "%s: this is no kubeconfig (it is not shown, since it may hold a credential)", key)
		}
		cfg, err := clientcmd.NewNonInteractiveClientConfig(*raw, a.Context, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
		if err != nil {
			return nil, plugins.Fail(plugins.Invalid, "%s: the kubeconfig cannot be used: %v", key, err)
		}
		return cfg, nil
	case a.Read != "":
		return nil, plugins.Fail(plugins.Invalid, "mutate: name the kubeconfig to change things with, as read names the one to look with")
	}
	token := filepath.Join(account, "token")
	_, err := os.Stat(token)
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if err == nil && (host == "" || port == "") {
		err = errors.New("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set")
	}
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "%s: name a kubeconfig, such as {secret: \"file:/etc/firebreak/%s.kubeconfig\"}; this is no pod with a ServiceAccount (%v)", key, key, err)
	}
	return &rest.Config{
		Host: "https://" + net.JoinHostPort(host, port), BearerTokenFile: token, // which is renewed, and read again
		TLSClientConfig: rest.TLSClientConfig{CAFile: filepath.Join(account, "ca.crt")},
	}, nil
}

func hostPort(u *url.URL) string {
	if u.Port() == "" && u.Scheme == "https" {
		return u.Hostname() + ":443"
	}
	return u.Host
}

// resource is the identity of something in the namespace.
func (c *cluster) resource(kind, name string) string {
	return "k8s:" + c.host + "/" + c.namespace + "/" + kind + "/" + name
}

func (c *cluster) client(resource string) rest.Interface { return c.clients[groups[resource]] }

// get reads one object.
func (c *cluster) get(ctx context.Context, resource, name string, into runtime.Object) error {
	err := c.client(resource).Get().Namespace(c.namespace).Resource(resource).Name(name).Do(ctx).Into(into)
	return c.explain(err, "get", resource, name)
}

// list reads those objects that the options select.
func (c *cluster) list(ctx context.Context, resource string, o metav1.ListOptions, into runtime.Object) error {
	err := c.client(resource).Get().Namespace(c.namespace).Resource(resource).SpecificallyVersionedParams(&o, metav1.ParameterCodec, metav1.SchemeGroupVersion).Do(ctx).Into(into)
	return c.explain(err, "list", resource, "")
}

// patch changes one object, or its subresource, as our field manager.
func (c *cluster) patch(ctx context.Context, kind types.PatchType, resource, name, sub string, body any, into runtime.Object) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req := c.client(resource).Patch(kind).Namespace(c.namespace).Resource(resource).Name(name).Param("fieldManager", manager).Body(raw)
	if kind == types.ApplyPatchType {
		req = req.Param("force", "true") // the change was approved, and the resourceVersion is that of what was seen
	}
	if sub != "" {
		req, resource = req.SubResource(sub), resource+"/"+sub
	}
	result := req.Do(ctx)
	if err = result.Error(); err == nil && into != nil {
		err = result.Into(into)
	}
	return c.explain(err, "patch", resource, name)
}

// create makes one object.
func (c *cluster) create(ctx context.Context, resource string, object, into runtime.Object) error {
	err := c.client(resource).Post().Namespace(c.namespace).Resource(resource).Param("fieldManager", manager).Body(object).Do(ctx).Into(into)
	return c.explain(err, "create", resource, "")
}

// evict asks for the end of one pod and of no other of its name. A budget may
// refuse.
func (c *cluster) evict(ctx context.Context, pod *corev1.Pod) error {
	err := c.client("pods").Post().Namespace(c.namespace).Resource("pods").Name(pod.Name).SubResource("eviction").
		MaxRetries(0). // what a budget says is for us to hear
		Body(&policyv1.Eviction{
			ObjectMeta:    metav1.ObjectMeta{Name: pod.Name, Namespace: c.namespace},
			DeleteOptions: &metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(pod.UID))},
		}).Do(ctx).Error()
	return c.explain(err, "create", "pods/eviction", pod.Name)
}

// logs reads the last lines of a container, or of the one that ran in its
// place before.
func (c *cluster) logs(ctx context.Context, pod, container string, previous bool, lines int) (string, error) {
	stream, err := c.client("pods").Get().Namespace(c.namespace).Resource("pods").Name(pod).SubResource("log").
		Param("container", container).Param("tailLines", strconv.Itoa(lines)).Param("previous", strconv.FormatBool(previous)).Stream(ctx)
	if err != nil {
		return "", c.explain(err, "get", "pods/log", pod)
	}
	defer stream.Close()
	text, err := io.ReadAll(io.LimitReader(stream, maxLog))
	return string(text), err
}

// maxLog bounds what is read of a container's last words, in bytes.
const maxLog = 8 << 10
