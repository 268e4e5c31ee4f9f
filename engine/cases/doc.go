// Package cases tests runbooks without infrastructure: a case gives a run its
// inputs, the answers of actions and people and a virtual clock, and says what
// must happen. It plays cases against the engine in memory, tells what no case
// has reached, and writes a recorded run as a case. It opens no files.
package cases
