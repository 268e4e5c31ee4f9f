package main

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
)

// trigger is what asks for a run, and may ask again: an alert, or what
// somebody has said in a chat. The names that its run may have follow from it,
// so that an owner that died between starting the run and noting that has
// started it under a name that the next one looks for.
type trigger struct {
	at  time.Time
	key string                    // the same when it asks again
	of  func(run engine.Run) bool // reports whether a run began because of it
}

// names is how many names a run may have: of each minute there are 33 million.
const names = 16

func (t trigger) name(n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", n, t.key))
	return t.at.UTC().Format("0102-1504-") + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:5])
}

// once finds the run that began because of something, or else has one begun,
// which may fail with [local.ErrExists].
func (o *owner) once(ctx context.Context, from trigger, begin func(id string) (string, error)) (string, error) {
	for n := range names {
		name := from.name(n)
		run, err := o.rt.Run(ctx, name)
		if notFound(err) {
			id, failed := begin(name)
			if !errors.Is(failed, local.ErrExists) {
				return id, failed
			}
			run, err = o.rt.Run(ctx, name) // it began in this moment; or it was pruned
		}
		switch {
		case notFound(err):
		case err != nil:
			return "", err
		case from.of(run):
			return name, nil
		}
	}
	return "", errors.New("every name that the run may have is taken")
}

func notFound(err error) bool {
	var classed interface{ Class() string }
	return errors.As(err, &classed) && classed.Class() == "not_found"
}
