// Package drills holds the outages that firebreak practises on, plays them in
// a sandbox with the shipped runbooks, and scores what came of it.
package drills
