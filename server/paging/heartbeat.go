package paging

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// errUnheard stands for errors that would say the address, which is a secret.
var errUnheard = errors.New("there is no answer")

// Heartbeat tells a monitor elsewhere that this firebreak is there, for as long
// as it is: who does not hear from it wakes somebody.
type Heartbeat struct {
	URL    func() (string, error) // the address, which is a secret; it is asked for every time
	Every  time.Duration
	Ready  func() error // why work that comes now would not be done; nil when it would
	Client *http.Client // nil: one that waits for ten seconds
	Warn   func(err error)
}

// Run beats until ctx ends. A beat that fails is said once, until one is heard
// again.
func (h Heartbeat) Run(ctx context.Context) {
	if h.Client == nil {
		h.Client = &http.Client{Timeout: callTimeout}
	}
	tick := time.NewTicker(h.Every)
	defer tick.Stop()
	for failing := false; ; {
		err := h.beat(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			h.Warn(fmt.Errorf("the heartbeat is not heard: %w", err))
		}
		failing = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (h Heartbeat) beat(ctx context.Context) error {
	if err := h.Ready(); err != nil {
		return err
	}
	url, err := h.URL()
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return errUnheard
	}
	w, err := h.Client.Do(r)
	if err != nil {
		return errUnheard
	}
	if err := w.Body.Close(); err != nil {
		return err
	}
	if w.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("it was answered with %s", w.Status)
	}
	return nil
}
