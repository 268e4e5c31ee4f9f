// Package host finds, verifies, starts, supervises and calls plugins. A
// [Host] keeps one warm process per plugin, restarts what dies, binds the
// sections of firebreak.yaml to it with their secrets resolved, and is the
// edge where everything that crosses is checked: inputs and outputs against
// their schemas, outputs against the secrets that are known, effects against
// the contracts, and every way in which a process can be lost against what
// that means for a mutation. It is the only importer of go-plugin's client.
package host
