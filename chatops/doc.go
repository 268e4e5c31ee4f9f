// Package chatops is what people see of a run and what they say to it,
// whatever the channel: the text of questions and of what happened, and the
// answers. It knows no vendor; the rules of who may answer are the engine's.
package chatops
