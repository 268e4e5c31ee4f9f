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

	Deployment  string `json:"deployment"`
	MinReplicas int    `json:"min_replicas,omitempty" jsonschema:"workload.scale goes no lower; it is refused where min_replicas and max_replicas are left out"`
	MaxReplicas int    `json:"max_replicas,omitempty" jsonschema:"workload.scale goes no higher"`
}

// settingsConfig is the settings section of a service that names this plugin.
type settingsConfig struct {
	access

	ConfigMap  string `json:"configmap" jsonschema:"each of its keys is a setting, unless key is given"`
	Key        string `json:"key,omitempty" jsonschema:"the one of its keys that holds a YAML or JSON document, such as application.yaml: settings are then named by the keys that lead to them in it"`
	Deployment string `json:"deployment,omitempty" jsonschema:"what runs the settings: they are live once each of its pods has started after the change. Needed where each change makes an immutable ConfigMap of its own, named CONFIGMAP-SUFFIX"`
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

func (c workloadConfig) check() error {
	if err := errors.Join(c.access.check(), named("deployment", c.Deployment, validation.IsDNS1123Subdomain)); err != nil {
		return err
	}
	switch {
	case c.MinReplicas < 0 || (c.MinReplicas == 0 && c.MaxReplicas > 0):
		return errors.New("min_replicas: give the least number of replicas that the service can live with, 1 or more")
	case c.MaxReplicas < c.MinReplicas:
		return fmt.Errorf("max_replicas: %d is less than min_replicas, %d", c.MaxReplicas, c.MinReplicas)
	}
	return nil
}

func (c settingsConfig) check() error {
	err := errors.Join(c.access.check(), named("configmap", c.ConfigMap, validation.IsDNS1123Subdomain))
	if c.Key != "" {
		err = errors.Join(err, named("key", c.Key, validation.IsConfigMapKey))
	}
	if c.Deployment != "" {
		err = errors.Join(err, named("deployment", c.Deployment, validation.IsDNS1123Subdomain))
	}
	return err
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
