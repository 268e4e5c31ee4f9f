package prometheus

import (
	"context"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// source is where metrics come from.
type source interface {
	// histories returns what the replicas said over time, at least as far
	// back as asked where it is known, and the names of those that say
	// nothing now. The caller owns the result. It may wait a moment for a
	// first answer.
	histories(ctx context.Context, back time.Duration) (heard []history, silent []string, err error)
	// query answers one question in the source's language; at is zero for
	// now.
	query(ctx context.Context, text string, at time.Time) ([]capability.Series, error)
	// health says whether the source answers.
	health(ctx context.Context) error
	// close ends what runs in the background.
	close()
}
