// Package sandbox sets up a small production on this machine for a drill, and
// takes all of it away again: a PostgreSQL server, the replicas of package
// practice under a supervisor, their settings in a git repository with a
// deployer, and a load.
//
// It runs as two child processes of the drill: the host (database, replicas,
// deployer) and the load. A child lives as long as its standard input stays
// open, so nothing outlives a drill that is killed.
package sandbox
