package accuracy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// What one request costs, and how long it waits for a connection.
const (
	queryTime      = 50 * time.Millisecond
	workTime       = 30 * time.Millisecond
	acquireTimeout = 2 * time.Second
	requestTimeout = 6 * time.Second
	retries        = 2
)

// behaviour is what faults change in the service. All of it may change while
// it runs.
type behaviour struct {
	leak, forgetCommit atomic.Bool  // of one request in 25
	past               atomic.Bool  // a connection for each request, past the pool
	outside            atomic.Int64 // time that a call elsewhere takes while a connection is held
	noFiles            atomic.Bool  // the machine gives out no more
}

// service is an application in some replicas, each with a real pgx pool and a
// page of metrics, under an open-loop load.
type service struct {
	dsn      string
	how      behaviour
	little   bool // a dialect that knows neither hold times, queries, waits nor retries
	rate     atomic.Int64
	mu       sync.RWMutex
	replicas []*replica
	life     context.Context //nolint:containedctx // of the load, which outlives every call
	end      context.CancelFunc
	busy     sync.WaitGroup
	pages    *httptest.Server
}

type replica struct {
	name string
	pool atomic.Pointer[pgxpool.Pool]

	mu                    sync.Mutex
	acquire, hold, query  histogram
	requests              map[int]*histogram // by status
	errors                map[string]int     // of the database's client, by class
	first, timeouts, made int64
	waits                 int64   // that found no connection free
	waitsEnded            float64 // seconds, of those that are over
	opener                opener
	waiting, inflight     atomic.Int64
}

// histogram counts seconds in buckets.
type histogram struct {
	counts [len(bounds) + 1]int64
	sum    float64
}

var bounds = [...]float64{.001, .005, .01, .025, .05, .075, .1, .15, .2, .3, .5, .75, 1, 1.5, 2, 3, 5}

func (h *histogram) add(d time.Duration) {
	s := d.Seconds()
	i := 0
	for i < len(bounds) && s > bounds[i] {
		i++
	}
	h.counts[i]++
	h.sum += s
}

func (h *histogram) write(w io.Writer, name string) {
	fmt.Fprintf(w, "# TYPE %s histogram\n", name)
	h.series(w, name, "")
}

// series writes it without its type; labels end with a comma.
func (h *histogram) series(w io.Writer, name, labels string) {
	total := int64(0)
	for i, b := range bounds {
		total += h.counts[i]
		fmt.Fprintf(w, "%s_bucket{%sle=\"%g\"} %d\n", name, labels, b, total)
	}
	fmt.Fprintf(w, "%s_bucket{%sle=\"+Inf\"} %d\n", name, labels, total+h.counts[len(bounds)])
	h.sums(w, name, labels)
}

// of is how many there are.
func (h *histogram) of() int64 {
	total := int64(0)
	for _, n := range h.counts {
		total += n
	}
	return total
}

func newService(dsn string, replicas, size int, little bool) (*service, error) {
	life, end := context.WithCancel(context.Background())
	s := &service{dsn: dsn, life: life, end: end, little: little}
	s.pages = httptest.NewServer(http.HandlerFunc(s.page))
	for range replicas {
		if err := s.add(size); err != nil {
			s.stop()
			return s, err
		}
	}
	return s, nil
}

// add starts one more replica.
func (s *service) add(size int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &replica{name: fmt.Sprintf("r%d", len(s.replicas)), requests: map[int]*histogram{200: {}, 500: {}, 504: {}}, errors: map[string]int{}}
	p, err := s.open(r, size)
	if err != nil {
		return err
	}
	r.pool.Store(p)
	s.replicas = append(s.replicas, r)
	return nil
}

func (s *service) open(r *replica, size int) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(s.dsn)
	if err != nil {
		return nil, err
	}
	c.MaxConns, c.MinConns = int32(size), int32(size)
	c.ConnConfig.RuntimeParams["application_name"] = "api"
	c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec // as behind a pooler
	c.ConnConfig.DialFunc, c.ConnConfig.Tracer = s.dial, &r.opener
	c.ConnConfig.ConnectTimeout = 5 * time.Second
	return pgxpool.NewWithConfig(s.life, c)
}

func (s *service) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if s.how.noFiles.Load() {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("socket", syscall.EMFILE)}
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// resize puts pools of another size in place of those that there are.
func (s *service) resize(size int) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, r := range s.replicas {
		p, err := s.open(r, size)
		if err != nil {
			return err
		}
		go r.pool.Swap(p).Close()
	}
	return nil
}

// reconnect gives every connection up once it is back, as a deployment does.
func (s *service) reconnect() {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, r := range s.replicas {
		r.pool.Load().Reset()
	}
}

// load sends requests when they are due, whatever becomes of them.
func (s *service) load(rate int, seed uint64) {
	s.rate.Store(int64(rate))
	s.busy.Go(func() {
		luck := rand.New(rand.NewPCG(seed, 7))
		due := time.Now()
		for {
			due = due.Add(time.Duration(luck.ExpFloat64() / float64(s.rate.Load()) * float64(time.Second)))
			select {
			case <-time.After(time.Until(due)):
			case <-s.life.Done():
				return
			}
			dice := luck.Float64()
			s.busy.Go(func() { s.request(dice) })
		}
	})
}

func (s *service) request(dice float64) {
	for attempt := range retries + 1 {
		s.mu.RLock()
		r := s.replicas[rand.IntN(len(s.replicas))]
		s.mu.RUnlock()
		if s.attempt(r, attempt, dice) || s.life.Err() != nil {
			return
		}
		select {
		case <-time.After(time.Duration(100+rand.IntN(200)) * time.Millisecond):
		case <-s.life.Done():
			return
		}
	}
}

func (s *service) attempt(r *replica, attempt int, dice float64) bool {
	began := time.Now()
	r.inflight.Add(1)
	defer r.inflight.Add(-1)
	r.mu.Lock()
	if attempt == 0 {
		r.first++
	}
	r.mu.Unlock()
	err := s.serve(r, dice)
	r.mu.Lock()
	defer r.mu.Unlock()
	code := 500
	switch {
	case err == nil:
		code = 200
	case errors.Is(err, context.DeadlineExceeded):
		code = 504
	}
	r.requests[code].add(time.Since(began))
	if class := classOf(err); class != "" {
		r.errors[class]++
	}
	return err == nil
}

// classOf is how services count what their database's client met: by SQLSTATE,
// or by what the machine says.
func classOf(err error) string {
	var pg *pgconn.PgError
	var errno syscall.Errno
	switch {
	case err == nil:
		return ""
	case errors.As(err, &pg):
		return pg.Code
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	default:
		return "other"
	}
}

var errTimeout = fmt.Errorf("no connection in time: %w", context.DeadlineExceeded)

func (s *service) serve(r *replica, dice float64) error {
	ctx, cancel := context.WithTimeout(s.life, requestTimeout)
	defer cancel()
	if s.how.past.Load() {
		r.mu.Lock()
		r.made++
		r.mu.Unlock()
		c, err := pgx.Connect(ctx, s.dsn+"&application_name=api")
		if err != nil {
			return err
		}
		defer c.Close(context.WithoutCancel(ctx))
		_, err = s.work(ctx, r, c, false)
		return err
	}
	asked := time.Now()
	wait, stop := context.WithTimeout(ctx, acquireTimeout)
	r.waiting.Add(1)
	pool := r.pool.Load()
	stat := pool.Stat()
	waits := stat.AcquiredConns() >= stat.MaxConns()
	if waits {
		r.mu.Lock()
		r.waits++
		r.mu.Unlock()
	}
	c, err := pool.Acquire(wait)
	r.waiting.Add(-1)
	late := wait.Err() != nil
	stop()
	r.mu.Lock()
	r.acquire.add(time.Since(asked))
	if waits {
		r.waitsEnded += time.Since(asked).Seconds()
	}
	if err != nil && late {
		r.timeouts++
		err = errTimeout
	}
	r.mu.Unlock()
	if err != nil {
		return err
	}
	forget := s.how.forgetCommit.Load() && dice < 0.04
	held := time.Now()
	keep, err := s.work(ctx, r, c.Conn(), forget)
	if s.how.leak.Load() && dice < 0.04 || keep {
		return err // the connection is lost to the pool
	}
	c.Release()
	r.mu.Lock()
	r.hold.add(time.Since(held))
	r.mu.Unlock()
	return err
}

// work is what a request does with its connection. keep: it is not given back.
// Each of its statements is a query, as tracers of clients count them.
func (s *service) work(ctx context.Context, r *replica, c *pgx.Conn, forget bool) (keep bool, err error) {
	queried := func(sql string) error {
		begun := time.Now()
		_, err := c.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol)
		r.mu.Lock()
		r.query.add(time.Since(begun))
		r.mu.Unlock()
		return err
	}
	if err := queried("begin"); err != nil {
		return false, err
	}
	defer func() {
		if err != nil && ctx.Err() == nil && !c.IsClosed() {
			err = errors.Join(err, queried("rollback"))
		}
	}()
	if err := queried("select work(); update counters set n = n + 1 where id = (random() * 999)::int"); err != nil {
		return false, err
	}
	pause(workTime)
	if forget {
		return true, nil
	}
	if err := queried("commit"); err != nil {
		return false, err
	}
	pause(time.Duration(s.how.outside.Load()))
	return false, nil
}

// targets are the addresses of the replicas' pages.
func (s *service) targets() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []string
	for _, r := range s.replicas {
		out = append(out, s.pages.URL+"/"+r.name)
	}
	return out
}

func (s *service) page(w http.ResponseWriter, req *http.Request) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, name, _ := strings.Cut(req.URL.Path, "/")
	name, library, _ := strings.Cut(name, "/")
	for _, r := range s.replicas {
		if name != r.name {
			continue
		}
		if library == "" {
			r.write(w, s.little, s.openFiles(r))
			return
		}
		for _, l := range libraries {
			if l.name == library {
				r.said(s.openFiles(r), func(said said) { l.write(w, said) })
				return
			}
		}
	}
	http.NotFound(w, req) // a replica that is yet to come
}

// mostFiles is how many files a replica's process may have open.
const mostFiles = 65536

// openFiles is how many it has open: its connections, the sockets of those whom
// it serves, and a few. Its dials fail for want of one where there is none.
func (s *service) openFiles(r *replica) int64 {
	if s.how.noFiles.Load() {
		return mostFiles - 1 // that which the page is asked for by
	}
	return 12 + int64(r.pool.Load().Stat().TotalConns()) + r.inflight.Load()
}

// said has somebody write what the replica knows of itself.
func (r *replica) said(files int64, write func(said)) {
	stat := r.pool.Load().Stat()
	r.opener.mu.Lock()
	defer r.opener.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	write(said{
		max: int64(stat.MaxConns()), acquired: int64(stat.AcquiredConns()), idle: int64(stat.IdleConns()), opening: int64(stat.ConstructingConns()),
		waiting: r.waiting.Load(), timeouts: r.timeouts, cancelled: stat.CanceledAcquireCount(),
		given: stat.AcquireCount(), opened: stat.NewConnsCount(), waited: stat.AcquireDuration(),
		waits: r.waits, waitsEnded: r.waitsEnded, files: files,
		acquire: &r.acquire, hold: &r.hold, query: &r.query, create: &r.opener.create, requests: r.requests,
	})
}

func (r *replica) write(w io.Writer, little bool, files int64) {
	stat := r.pool.Load().Stat()
	r.mu.Lock()
	defer r.mu.Unlock()
	gauge := func(name string, v int64) { fmt.Fprintf(w, "# TYPE %s gauge\n%s %d\n", name, name, v) }
	counter := func(name string, v int64) { fmt.Fprintf(w, "# TYPE %s counter\n%s %d\n", name, name, v) }
	gauge("pgxpool_max_conns", int64(stat.MaxConns()))
	gauge("pgxpool_acquired_conns", int64(stat.AcquiredConns()))
	gauge("pgxpool_idle_conns", int64(stat.IdleConns()))
	gauge("pgxpool_constructing_conns", int64(stat.ConstructingConns()))
	counter("pgxpool_new_conns_total", r.made+stat.NewConnsCount())
	gauge("process_open_fds", files)
	gauge("process_max_fds", mostFiles)
	r.acquire.write(w, "pgxpool_acquire_duration_seconds")
	fmt.Fprint(w, "# TYPE http_requests_total counter\n")
	for _, code := range statuses {
		fmt.Fprintf(w, "http_requests_total{code=\"%d\"} %d\n", code, r.requests[code].of())
	}
	fmt.Fprint(w, "# TYPE http_request_duration_seconds histogram\n")
	for _, code := range statuses {
		r.requests[code].series(w, "http_request_duration_seconds", fmt.Sprintf("code=\"%d\",", code))
	}
	if little {
		return
	}
	gauge("pgxpool_waiting", r.waiting.Load())
	counter("pgxpool_acquire_timeouts_total", r.timeouts)
	counter("http_first_attempts_total", r.first)
	gauge("http_inflight", r.inflight.Load())
	fmt.Fprint(w, "# TYPE db_client_errors_total counter\n")
	for _, class := range slices.Sorted(maps.Keys(r.errors)) {
		fmt.Fprintf(w, "db_client_errors_total{error_type=%q} %d\n", class, r.errors[class])
	}
	r.hold.write(w, "pgxpool_hold_duration_seconds")
	r.query.write(w, "db_query_duration_seconds")
}

func (s *service) stop() {
	s.end()
	s.pages.CloseClientConnections()
	s.pages.Close() // pools end with the server that they lead to
}
