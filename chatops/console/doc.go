// Package console shows a run on a terminal, and takes the answers of the
// person who sits there.
package console
