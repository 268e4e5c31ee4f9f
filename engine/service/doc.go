// Package service reads firebreak.yaml: which services there are and by which
// plugins they are reached, who the people are, and which role may answer for
// what. It is pure: it opens no file, resolves no secret and starts no plugin.
// What a plugin's own section holds is judged by that plugin.
package service
