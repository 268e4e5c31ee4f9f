package prometheus

import (
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// exported is what exporters say of the database and of the pooler, null where
// there are none. Of several exporters of one the sums count, as of their
// series, and it is up where all are.
func exported(histories []history) (*capability.ExportedDatabase, *capability.ExportedPooler) {
	now := emptySnapshot(latest(histories))
	for _, h := range histories {
		n := len(h.snapshots)
		if n == 0 {
			continue
		}
		for f := databaseUp; f < figures; f++ {
			v := h.snapshots[n-1].figures[f]
			switch {
			case math.IsNaN(v):
			case f == databaseUp || f == poolerUp:
				if math.IsNaN(now.figures[f]) || v < now.figures[f] {
					now.figures[f] = v
				}
			default:
				now.count(f, v)
			}
		}
	}
	said := func(f figure) bool { return !math.IsNaN(now.figures[f]) }
	var d *capability.ExportedDatabase
	if said(databaseUp) || said(databaseMax) {
		d = &capability.ExportedDatabase{
			Up:  !said(databaseUp) || now.figures[databaseUp] > 0,
			Max: integer(now.figures[databaseMax]), Active: integer(now.figures[databaseActive]), Idle: integer(now.figures[databaseIdle]),
			InTransaction: integer(now.figures[databaseInTransaction]), Other: integer(now.figures[databaseOther]),
			OldestS: number(now.figures[databaseOldest]),
		}
	}
	var p *capability.ExportedPooler
	if said(poolerUp) || said(poolerWaiting) {
		p = &capability.ExportedPooler{
			Up:  !said(poolerUp) || now.figures[poolerUp] > 0,
			Max: integer(now.figures[poolerMax]), Used: integer(now.figures[poolerUsed]), Waiting: integer(now.figures[poolerWaiting]),
			Active: integer(now.figures[poolerActive]), Idle: integer(now.figures[poolerIdle]), OldestS: number(now.figures[poolerOldest]),
		}
	}
	return d, p
}
