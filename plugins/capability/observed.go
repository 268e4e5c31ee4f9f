package capability

import "time"

// Observed begins every output of a capability.
type Observed struct {
	ObservedAt time.Time `json:"observed_at" jsonschema:"when it was read"`
	Resource   string    `json:"resource" jsonschema:"identity of what was read, such as postgres:host:port/db"`
}
