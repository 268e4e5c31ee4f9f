package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// settingsMap is the ConfigMap of the service's settings.
const settingsMap = Service + "-settings"

// wholeKubeconfig reads a kubeconfig with what it refers to, so that it can be
// read from anywhere.
func wholeKubeconfig(file string) (string, error) {
	config, err := clientcmd.LoadFromFile(file)
	if err != nil {
		return "", fmt.Errorf("the cluster to practise on: %w", err)
	}
	if err := clientcmd.ResolveLocalPaths(config); err != nil {
		return "", fmt.Errorf("the kubeconfig %s: %w", file, err)
	}
	text, err := clientcmd.Write(*config)
	return string(text), err
}

// cluster sends requests to an API server.
type cluster struct {
	config *rest.Config
	client *http.Client
}

func openCluster(kubeconfig string) (*cluster, error) {
	config, err := clientcmd.RESTConfigFromKubeConfig([]byte(kubeconfig))
	if err != nil {
		return nil, fmt.Errorf("the kubeconfig of the cluster to practise on cannot be used: %w", err)
	}
	config.Timeout = 10 * time.Second
	client, err := rest.HTTPClientFor(config)
	return &cluster{config: config, client: client}, err
}

// ask sends one request; body and into may be nil.
func (c *cluster) ask(ctx context.Context, method, path string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.config.Host, "/")+path, strings.NewReader(string(raw)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	res, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("the cluster to practise on: %w", err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err == nil && res.StatusCode >= http.StatusMultipleChoices {
		err = fmt.Errorf("the cluster to practise on: %s %s: %s: %s", method, path, res.Status, said)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(said, into)
	}
	return err
}

// configMap is the ConfigMap of the service's settings: each setting is a key.
type configMap struct {
	cluster   *cluster
	namespace string
	text      string // the settings, as a repository would hold them
}

var _ past = (*configMap)(nil)

func openConfigMap(kubeconfig, namespace, text string) (*configMap, error) {
	c, err := openCluster(kubeconfig)
	return &configMap{cluster: c, namespace: namespace, text: text}, err
}

func (m *configMap) head() (revision, text string, err error) { return "", m.text, nil }

// push writes what each commit changes, as its author. The API server keeps
// no titles, and its own times.
func (m *configMap) push(commits []commit) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, c := range commits {
		data, err := flat(c.text)
		if err != nil {
			return err
		}
		path := "/api/v1/namespaces/" + m.namespace + "/configmaps/" + settingsMap + "?fieldManager=" + c.author
		if err := m.cluster.ask(ctx, http.MethodPatch, path, map[string]any{"data": data}, nil); err != nil {
			return err
		}
		m.text = c.text
	}
	return nil
}

// flat are settings by the keys that lead to them, as text.
func flat(text string) (map[string]string, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	out := map[string]string{}
	var walk func(path string, n *yaml.Node)
	walk = func(path string, n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			out[path] = n.Value
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			walk(strings.TrimPrefix(path+"."+n.Content[i].Value, "."), n.Content[i+1])
		}
	}
	walk("", document.Content[0])
	return out, nil
}
