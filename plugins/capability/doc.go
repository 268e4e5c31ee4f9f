// Package capability is the one place where firebreak's capability contracts
// are written: what a service's metrics, database, pooler, settings,
// workload and backlog can be asked, what a diagnosis returns, and what effect each action
// has. Inputs, outputs and receipts are Go structs; their JSON Schemas are
// inferred from them, so the two cannot drift apart.
//
// Rules that hold for every contract:
//
//   - Times are RFC 3339, durations Go text ("10s"), rates 0 to 1, ages and
//     latencies seconds. Integers stay integers.
//   - A pointer, or a [Scalar], may be null and is always present. A field
//     marked omitempty or omitzero may be left out and is never null.
//   - An input refuses fields it does not know; what is nested in it, being
//     the output of another action, and every output may have more fields
//     than the contract names. Readers ignore those.
//   - Every output of a capability says when it was observed and of what; see
//     [Observed]. A diagnosis observes nothing itself and says as_of instead.
package capability
