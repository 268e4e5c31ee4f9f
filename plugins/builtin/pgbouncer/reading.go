package pgbouncer

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// reading is what the console said at one time.
type reading struct {
	at        time.Time
	version   string
	config    map[string]string
	lists     map[string]int
	pools     []row
	clients   []row
	servers   []row
	databases map[string]row
	sample    sample
}

// read asks for everything, one command after the other: each takes the
// console well below a millisecond, and it takes no two at once.
func read(ctx context.Context, conn *pgconn.PgConn) (reading, error) {
	r := reading{config: map[string]string{}, lists: map[string]int{}, databases: map[string]row{}}
	var err error
	ask := func(what string) (rows []row) {
		if err == nil {
			rows, err = show(ctx, conn, what)
		}
		return rows
	}
	for _, v := range ask("VERSION") {
		r.version = strings.TrimPrefix(v["version"], "PgBouncer ")
	}
	for _, c := range ask("CONFIG") {
		r.config[c["key"]] = c["value"]
	}
	for _, l := range ask("LISTS") {
		r.lists[l["list"]] = l.int("items")
	}
	for _, d := range ask("DATABASES") {
		r.databases[d["name"]] = d
	}
	r.pools = ask("POOLS")
	r.clients = ask("CLIENTS")
	r.servers = ask("SERVERS")
	totals := ask("STATS_TOTALS")
	r.at = time.Now()
	r.sample = sampleOf(r.at, r.pools, totals)
	return r, err
}

// look is the part of read that is repeated for the history.
func look(ctx context.Context, conn *pgconn.PgConn) (sample, error) {
	pools, err := show(ctx, conn, "POOLS")
	if err != nil {
		return sample{}, err
	}
	totals, err := show(ctx, conn, "STATS_TOTALS")
	return sampleOf(time.Now(), pools, totals), err
}

// isConsole says whether a row is about the console and not about a database.
func (r row) isConsole() bool { return r["database"] == consoleDatabase }
