// Package deploy holds what is shipped for deploying.
package deploy

import _ "embed" // for the rules

// ServiceAlerts are the alert rules for a service with a pool of connections,
// as Prometheus reads them.
//
//go:embed alerts/service.yaml
var ServiceAlerts []byte
