// Package accuracy measures how often a diagnosis names the right cause. Its
// tests break a real PostgreSQL, a real PgBouncer and a service with real pgx
// pools on this machine, in every way of the taxonomy that can be had, with
// sizes, replicas, dialects of metrics and decoy changes by chance; `make
// accuracy` counts. There is nothing in it to import.
package accuracy
