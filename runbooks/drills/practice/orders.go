package practice

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// One request's work: a query of queryTime and workTime of the handler's own,
// in one transaction. Together about 0.1 s of holding a connection.
const (
	queryTime = 65 * time.Millisecond
	workTime  = 33 * time.Millisecond
)

// orders answers the API: GET /orders/{id}.
func (r *replica) orders(w http.ResponseWriter, req *http.Request) {
	start := time.Now()
	r.metrics.inflight.Inc()
	defer r.metrics.inflight.Dec()
	if attempt := req.Header.Get(attemptHeader); attempt == "" || attempt == "1" {
		r.metrics.first.Inc()
	}
	id, err := strconv.Atoi(req.PathValue("id"))
	code := http.StatusBadRequest
	if err == nil {
		code = r.statusOf(r.order(req.Context(), id))
	}
	r.metrics.requests.WithLabelValues(strconv.Itoa(code)).Inc()
	r.metrics.request.Observe(time.Since(start).Seconds())
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(r.retryAfter()))
	}
	w.WriteHeader(code)
}

func (r *replica) statusOf(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, errShed), errors.Is(err, errDraining):
		return http.StatusServiceUnavailable
	case errors.Is(err, errAcquireTimeout):
		return http.StatusGatewayTimeout
	case errors.Is(err, context.Canceled):
		return 499 // the client went away; the code that proxies write for it
	case errors.Is(err, pgx.ErrNoRows):
		return http.StatusNotFound
	default:
		r.log.Printf("%s: %v", r.opts.Name, err)
		return http.StatusInternalServerError
	}
}

// order holds one connection for the whole of its work.
func (r *replica) order(ctx context.Context, id int) error {
	asked := time.Now()
	err := r.gate.acquire(ctx)
	if err != nil {
		if errors.Is(err, errAcquireTimeout) {
			r.metrics.acquire.Observe(time.Since(asked).Seconds())
		}
		return err
	}
	defer r.gate.release()
	conn, err := r.pool.acquire(ctx)
	r.metrics.acquire.Observe(time.Since(asked).Seconds())
	if err != nil {
		return err
	}
	held := time.Now()
	defer func() {
		conn.Release()
		r.metrics.hold.Observe(time.Since(held).Seconds())
	}()
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var total int
		begun := time.Now()
		err := tx.QueryRow(ctx, `select total from orders, pg_sleep($2) where id = $1`, id, queryTime.Seconds()).Scan(&total)
		r.metrics.query.Observe(time.Since(begun).Seconds())
		if err != nil {
			return err
		}
		work := time.NewTimer(workTime)
		defer work.Stop()
		select {
		case <-work.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}
