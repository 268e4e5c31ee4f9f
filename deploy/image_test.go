package deploy_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cluster is one that the manifests are tried on, with a namespace of its own.
type cluster struct {
	*testing.T

	kubeconfig, namespace string
}

// try runs one command of kubectl to its end, and returns what it said.
func (c *cluster) try(args ...string) (string, error) {
	cmd := exec.Command("kubectl", append([]string{"--kubeconfig", c.kubeconfig, "--namespace", c.namespace}, args...)...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w\n%s%s", strings.Join(args, " "), err, &out, &said)
	}
	return out.String(), nil
}

func (c *cluster) kubectl(args ...string) string {
	c.Helper()
	out, err := c.try(args...)
	if err != nil {
		c.Fatal(err)
	}
	return out
}

// eventually waits until a command says what is wanted, and returns that.
func (c *cluster) eventually(wanted func(said string) bool, args ...string) string {
	c.Helper()
	var said string
	var err error
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		if said, err = c.try(args...); err == nil && wanted(said) {
			return said
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-c.Context().Done():
			c.Fatal(c.Context().Err())
		}
	}
	c.Fatalf("%q is all that kubectl %s says: %v\n%s", said, strings.Join(args, " "), err, c.kubectl("get", "events"))
	return ""
}

// ready waits for a pod that is ready and another than before, and returns
// which and its address.
func (c *cluster) ready(before string) (pod, address string) {
	c.Helper()
	said := c.eventually(func(said string) bool {
		return strings.HasPrefix(said, "True ") && (before == "" || !strings.Contains(said, before))
	}, "get", "pod", "firebreak-0", "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status} {.metadata.uid} {.status.podIP}`)
	of := strings.Fields(said)
	if len(of) != 3 {
		c.Fatalf("the pod is %q", said)
	}
	return of[1], of[2]
}

// firebreak is what a command in the pod says.
func (c *cluster) firebreak(args ...string) string {
	c.Helper()
	return c.kubectl(inPod(args...)...)
}

func inPod(args ...string) []string {
	return append([]string{"exec", "firebreak-0", "--", "firebreak"}, args...)
}

// overlay is what a user lays over deploy/kustomize: the image, a
// configuration, runbooks and, here, the node.
const overlay = `
namespace: %s
resources: [%s]
images: [{name: registry.example.com/firebreak, newName: localhost/firebreak}]
configMapGenerator:
  - {name: firebreak, behavior: replace, files: [firebreak.yaml]}
  - {name: firebreak-runbooks, files: [ours.yaml]}
patches:
  - patch: |
      apiVersion: apps/v1
      kind: StatefulSet
      metadata: {name: firebreak}
      spec: {template: {spec: {nodeName: %q}}}
`

// services are the overlay's, besides what the shipped configuration says:
// nothing listens there.
const services = `
services:
  api:
    environment: prod
    owner: sre
    metrics: {plugin: prometheus, targets: ["http://127.0.0.1:9/metrics"]}
`

// ours is a runbook that an alert starts.
const ours = `firebreak: v1
name: ours
inputs:
  service: {type: service, required: true}
service: ${{ inputs.service }}
triggers:
  - alert: alert.labels.alertname == "Ours"
    inputs: {service: "${{ alert.labels.service }}"}
steps:
  - uses: metrics.health
`

// disk is where the state of the pod is, on its node.
const disk = `{"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": %[1]q},
  "spec": {"capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteOncePod"], "local": {"path": %[2]q},
    "claimRef": {"namespace": %[1]q, "name": "state-firebreak-0"},
    "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [%[3]q]}]}]}}}}`

// TestImage deploys the image of the Dockerfile as a user would: it becomes
// ready under the rules for pods that its namespace asks for, takes an alert in
// over TLS, and starts plugins; on SIGTERM it ends by itself, and the next pod
// has its state.
func TestImage(t *testing.T) {
	c := &cluster{T: t, kubeconfig: os.Getenv("FIREBREAK_KUBECONFIG")}
	node := os.Getenv("FIREBREAK_NODE")
	if node == "" {
		t.Skip("needs a node whose pods are real: make test-kubernetes starts one, or says what this machine lacks for it")
	}
	c.namespace = fmt.Sprintf("firebreak-image-%d", os.Getpid())
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) string {
		t.Helper()
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path(name)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	base, err := filepath.Rel(dir, filepath.Join(here, "kustomize"))
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := os.ReadFile("kustomize/config/firebreak.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write("firebreak.yaml", string(shipped)+services)
	write("ours.yaml", ours)
	write("kustomization.yaml", fmt.Sprintf(overlay, c.namespace, base, node))
	if err := os.Mkdir(path("disk"), 0o700); err != nil {
		t.Fatal(err)
	}
	const secret = "a-secret-of-alertmanager"
	certificate, key, trusted := certify(t)

	t.Cleanup(func() {
		c.kubectl("delete", "namespace", c.namespace, "--ignore-not-found", "--wait=false")
		c.kubectl("delete", "pv", c.namespace, "--ignore-not-found", "--wait=false")
	})
	c.kubectl("create", "-f", write("disk.json", fmt.Sprintf(disk, c.namespace, path("disk"), node)))
	c.kubectl("apply", "-k", dir)
	c.kubectl("create", "secret", "generic", "firebreak", "--from-file=alertmanager="+write("alertmanager", secret), "--from-file=pagerduty="+write("pagerduty", "a-routing-key"))
	c.kubectl("create", "secret", "tls", "firebreak-tls", "--cert="+write("tls.crt", certificate), "--key="+write("tls.key", key))
	first, address := c.ready("")

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, ServerName: "firebreak"}}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+address+":8443/v1/alerts/am", strings.NewReader(`{"version": "4", "status": "firing", "alerts": [
		{"status": "firing", "fingerprint": "1", "startsAt": "`+time.Now().UTC().Format(time.RFC3339)+`", "labels": {"alertname": "Ours", "service": "api"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		t.Fatalf("the alert is answered with %s", res.Status)
	}
	var run struct{ ID string }
	ended := c.eventually(func(said string) bool { return strings.Contains(said, `"word":"failed_clean"`) }, inPod("runs", "list", "--json")...)
	if err := json.Unmarshal([]byte(ended), &run); err != nil {
		t.Fatal(err)
	}
	if said := c.firebreak("runs", "show", run.ID); !strings.Contains(said, "127.0.0.1:9 cannot be reached") {
		t.Errorf("a plugin did not try: %s", said)
	}
	c.firebreak("halt", "not yet")
	seen := func() string {
		t.Helper()
		return c.firebreak("runs", "list", "--json") + c.firebreak("alerts", "list", "--json") + c.firebreak("halt", "--show", "--json")
	}
	before := seen()

	const keep = `{"metadata": {"finalizers": [%s]}}` // until it was seen how it ended
	c.kubectl("patch", "pod", "firebreak-0", "--type", "merge", "-p", fmt.Sprintf(keep, `"example.com/seen"`))
	c.kubectl("delete", "pod", "firebreak-0", "--wait=false")
	said := c.eventually(func(said string) bool { return said != "" }, "get", "pod", "firebreak-0", "-o", "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}")
	if said != "0" {
		t.Errorf("it ended with exit code %s", said)
	}
	c.kubectl("patch", "pod", "firebreak-0", "--type", "merge", "-p", fmt.Sprintf(keep, ""))
	c.ready(first)
	if after := seen(); after != before {
		t.Errorf("the next pod has\n%s, not\n%s", after, before)
	}
}

// certify makes a certificate that a pod shows, and who trusts it.
func certify(t *testing.T) (certificate, key string, trusted *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "firebreak"}, DNSNames: []string{"firebreak"}, NotAfter: time.Now().Add(24 * time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, made, made, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	trusted = x509.NewCertPool()
	trusted.AppendCertsFromPEM(text)
	return string(text), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), trusted
}
