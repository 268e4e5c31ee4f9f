// Package kubelet is a node of a Kubernetes cluster that has no containers: it
// takes the pods that the scheduler gives it, has something else run in their
// place, and tells the API server what became of that, as a kubelet would.
// Drills practise on it, and tests.
package kubelet
