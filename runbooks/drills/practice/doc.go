// Package practice is the service that drills break and the load it is under:
// an API in several replica processes, each with a real pgx pool, and an
// open-loop load generator. Both run as processes of their own, started by
// package sandbox; nothing here knows of firebreak.
package practice
