package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/jsonschema-go/jsonschema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/firebreak-ops/firebreak/plugins"
)

// access is how the cluster is reached: the part that both sections have.
type access struct {
	Plugin    string `json:"plugin,omitempty"`
	Read      string `json:"read,omitempty" jsonschema:"the kubeconfig to read with, such as {secret: \"file:/etc/firebreak/read.kubeconfig\"}; left out, the ServiceAccount of the pod that firebreak runs in"`
	Mutate    string `json:"mutate,omitempty" jsonschema:"the kubeconfig to change things with; needed where read is given and something is to be changed"`
	Context   string `json:"context,omitempty" jsonschema:"which context of the kubeconfig; its current one if left out"`
	Namespace string `json:"namespace"`
}

// workloadConfig is the workload section of a service that names this plugin.
type workloadConfig struct {
	access

	Deployment  string `json:"deployment,omitempty" jsonschema:"this or statefulset is needed"`
	StatefulSet string `json:"statefulset,omitempty"`
	MinReplicas int    `json:"min_replicas,omitempty" jsonschema:"workload.scale goes no lower; it is refused where min_replicas and max_replicas are left out"`
	MaxReplicas int    `json:"max_replicas,omitempty" jsonschema:"workload.scale goes no higher"`
}

// settingsConfig is the settings section of a service that names this plugin.
type settingsConfig struct {
	access

	ConfigMap   string `json:"configmap" jsonschema:"each of its keys is a setting, unless key is given"`
	Key         string `json:"key,omitempty" jsonschema:"the one of its keys that holds a document: of YAML or JSON, such as application.yaml, whose settings are named by the keys that lead to them, or of properties, where it ends in .properties"`
	Deployment  string `json:"deployment,omitempty" jsonschema:"what runs the settings: they are live once each of its pods has started after the change. This or statefulset is needed where each change makes an immutable ConfigMap of its own, named CONFIGMAP-SUFFIX"`
	StatefulSet string `json:"statefulset,omitempty" jsonschema:"the same, where a StatefulSet runs them"`
}

func schemaOf[T any]() json.RawMessage {
	s, err := jsonschema.For[T](nil)
	if err != nil {
		return nil
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil
	}
	return raw
}

// decode reads a section strictly. Its errors name the key.
func decode[T any](b plugins.Binding) (c T, err error) {
	dec := json.NewDecoder(bytes.NewReader(b.Config))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, plugins.Fail(plugins.Invalid, "%s: %v", b.Capability, err)
	}
	return c, nil
}

func (a access) check() error { return named("namespace", a.Namespace, validation.IsDNS1123Label) }

// check returns what the section names.
func (c workloadConfig) check() (ref, error) {
	r, err := refOf(c.Deployment, c.StatefulSet)
	err = errors.Join(c.access.check(), err)
	switch {
	case err != nil:
	case r.name == "":
		err = errors.New("deployment: name it, or a statefulset")
	case c.MinReplicas < 0 || (c.MinReplicas == 0 && c.MaxReplicas > 0):
		err = errors.New("min_replicas: give the least number of replicas that the service can live with, 1 or more")
	case c.MaxReplicas < c.MinReplicas:
		err = fmt.Errorf("max_replicas: %d is less than min_replicas, %d", c.MaxReplicas, c.MinReplicas)
	}
	return r, err
}

// check returns what runs the settings; it has no name where the section does
// not say.
func (c settingsConfig) check() (ref, error) {
	r, err := refOf(c.Deployment, c.StatefulSet)
	err = errors.Join(c.access.check(), named("configmap", c.ConfigMap, validation.IsDNS1123Subdomain), err)
	if c.Key != "" {
		err = errors.Join(err, named("key", c.Key, validation.IsConfigMapKey))
	}
	return r, err
}

func refOf(deployment, statefulSet string) (ref, error) {
	switch {
	case deployment != "" && statefulSet != "":
		return ref{}, errors.New("statefulset: leave it out, or deployment: one of them runs the service")
	case statefulSet != "":
		return ref{statefulSets, statefulSet}, named("statefulset", statefulSet, validation.IsDNS1123Subdomain)
	case deployment != "":
		return ref{deployments, deployment}, named("deployment", deployment, validation.IsDNS1123Subdomain)
	}
	return ref{}, nil
}

func named(key, value string, wrong func(string) []string) error {
	if value == "" {
		return fmt.Errorf("%s: name it", key)
	}
	if problems := wrong(value); len(problems) > 0 {
		return fmt.Errorf("%s: %q is not such a name: %s", key, value, problems[0])
	}
	return nil
}
