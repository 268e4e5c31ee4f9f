// Package daemons starts real servers for tests: PostgreSQL, PgBouncer, Redis
// and Prometheus, as the system's packages install them. They listen on the
// loopback address only, keep what they write in a directory of their own, and
// end with the tests.
package daemons
