package pgbouncer

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// row is one line of what SHOW prints, by column: which columns there are
// differs between versions.
type row map[string]string

// show sends one SHOW command.
func show(ctx context.Context, conn *pgconn.PgConn, what string) ([]row, error) {
	results, err := conn.Exec(ctx, "SHOW "+what).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("SHOW %s: %w", what, err)
	}
	var rows []row
	for _, result := range results {
		for _, values := range result.Rows {
			r := row{}
			for i, field := range result.FieldDescriptions {
				r[field.Name] = string(values[i])
			}
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// int returns the first of the columns that there is, and 0 when there is
// none, or no number in it.
func (r row) int(columns ...string) int {
	for _, c := range columns {
		if text, ok := r[c]; ok {
			n, err := strconv.Atoi(text)
			if err != nil {
				return 0
			}
			return n
		}
	}
	return 0
}

// limit is int where 0 means that there is none.
func (r row) limit(columns ...string) *int {
	if n := r.int(columns...); n > 0 {
		return &n
	}
	return nil
}

// seconds reads a duration that is split in seconds and microseconds.
func (r row) seconds(column string) float64 {
	return float64(r.int(column)) + float64(r.int(column+"_us"))/1e6
}

// time reads an instant, which is printed with its zone's abbreviation. It is
// false where that names no zone that is known here.
func (r row) time(column string) (time.Time, bool) {
	at, err := time.Parse("2006-01-02 15:04:05 MST", r[column])
	if err != nil {
		return at, false
	}
	zone, offset := at.Zone()
	return at, offset != 0 || zone == "UTC" || zone == "GMT"
}
