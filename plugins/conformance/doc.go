// Package conformance holds a plugin to the contract. It starts the plugin as
// a real process, through the same host that firebreak uses, and tries every
// rule that a description, a section, a read and a mutation must keep. What a
// capability promises beyond its schemas is in the files that are named after
// the capabilities, and holds for every plugin that serves it.
//
// Package plugintest runs it under the testing package, and `firebreak
// plugins test` at the command line.
package conformance
