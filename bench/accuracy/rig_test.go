package accuracy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/builtin/pgbouncer"
	"github.com/firebreak-ops/firebreak/plugins/builtin/postgres"
	"github.com/firebreak-ops/firebreak/plugins/builtin/prometheus"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/plugintest/daemons"
)

// rig is a server, perhaps a pooler, a service under load, and the plugins
// that look at them, as a daemon has them: open from the start.
type rig struct {
	life           context.Context //nolint:containedctx // of all that runs besides
	end            context.CancelFunc
	server, pooler *daemons.Daemon
	standby        *daemons.Daemon  // nil: there is none
	exporter       *daemons.Daemon  // nil: nobody exports what the server says
	exported       *httptest.Server // of the pooler, likewise
	proxy          *proxy
	service        *service
	replicas, size int
	rate, slots    int
	poolerSize     int
	held           []*pgx.Conn
	tasks          sync.WaitGroup // that must end before the server does
	changes        []capability.Change
	bound          map[string]plugins.Bound
}

// exporterSlots is how many connections an exporter has.
const exporterSlots = 2

func (r *rig) total() int { return r.replicas * r.size }

// build makes a rig of sizes by chance.
func build(f fault, luck *rand.Rand) (_ *rig, err error) {
	r := &rig{replicas: 1 + luck.IntN(4), bound: map[string]plugins.Bound{}}
	r.size = max(3, (12+luck.IntN(16))/r.replicas)
	r.life, r.end = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			r.stop()
		}
	}()
	r.slots = r.total()*5/4 + 6
	exports := luck.IntN(2) == 0
	if exports {
		r.slots += exporterSlots
	}
	// Three fifths of the pools are at work.
	r.rate = int(0.6 * float64(r.total()) / (queryTime + workTime + 8*time.Millisecond).Seconds())
	if r.server, err = daemons.Postgres(fmt.Sprintf("max_connections = %d\nmax_prepared_transactions = 5\nshared_buffers = 32MB\njit = off\nautovacuum = off\nsynchronous_commit = off\n%s", r.slots+3, f.conf)); err != nil {
		return r, err
	}
	if err = r.server.Exec("postgres", "create role app login", "create role export login", "create role batch login", "create role watcher login superuser", "create database appdb owner app"); err != nil {
		return r, err
	}
	if err = r.server.Exec("appdb", "create table counters (id int primary key, n int not null)", "insert into counters select i, 0 from generate_series(0, 999) i", "grant all on counters to app"); err != nil {
		return r, err
	}
	if err = r.slower(1); err != nil {
		return r, err
	}
	if f.follows {
		if r.standby, err = daemons.Standby(r.server); err != nil {
			return r, err
		}
	}
	dsn := r.server.DSN("app", "appdb")
	if f.pooled {
		r.poolerSize = max(4, r.total()*4/5)
		if r.pooler, err = daemons.PgBouncer(r.server, poolerConf(r.poolerSize, 400)); err != nil {
			return r, err
		}
		dsn = r.pooler.DSN("app", "appdb")
	}
	if f.proxied || f.follows {
		if r.proxy, err = newProxy(fmt.Sprintf("127.0.0.1:%d", r.server.Port)); err != nil {
			return r, err
		}
		dsn = r.throughProxy(dsn)
	}
	if r.service, err = newService(dsn, r.replicas, r.size, luck.IntN(4) == 0); err != nil {
		return r, err
	}
	r.decoys(luck)
	if exports {
		if err = r.export(); err != nil && !errors.Is(err, exec.ErrNotFound) {
			return r, err
		}
	}
	r.service.load(r.rate, luck.Uint64())
	pause(time.Second) // what a start is like is no past to compare with
	return r, r.open(f)
}

// throughProxy is the same server by way of the proxy.
func (r *rig) throughProxy(dsn string) string {
	return strings.Replace(dsn, fmt.Sprintf(":%d/", r.server.Port), fmt.Sprintf(":%d/", r.proxy.port()), 1)
}

func poolerConf(size, clients int) string {
	return fmt.Sprintf("default_pool_size = %d\nmax_client_conn = %d\nignore_startup_parameters = extra_float_digits", size, clients)
}

// configure has the pooler live by other limits.
func (r *rig) configure(size, clients int) error {
	if err := r.pooler.Write(daemons.PgBouncerFile, r.pooler.PgBouncerConf(r.server, poolerConf(size, clients))); err != nil {
		return err
	}
	return r.pooler.Reload()
}

// slower makes the query take so many times as long.
func (r *rig) slower(times float64) error {
	return r.server.Exec("appdb", fmt.Sprintf("create or replace function work() returns void language sql as $$ select pg_sleep(%f) $$", times*queryTime.Seconds()))
}

// open binds the plugins, so that they are warm and know the past. A service
// that grows is known at all its places beforehand.
func (r *rig) open(f fault) error {
	targets := r.service.targets()
	for n := len(targets); f.grows && n*r.size < r.slots*3/2; n++ {
		targets = append(targets, fmt.Sprintf("%s/r%d", r.service.pages.URL, n))
	}
	own := targets
	if r.exporter != nil {
		targets = append(targets, r.exporter.Page())
	}
	if r.exported != nil {
		targets = append(targets, r.exported.URL)
	}
	watched := r.server.DSN("watcher", "appdb")
	if f.follows { // the address of the service is what is known of the server
		watched = r.throughProxy(watched)
	}
	sections := map[string]any{
		"metrics":  map[string]any{"targets": targets},
		"database": map[string]any{"read": watched},
	}
	with := map[string]plugins.Plugin{"metrics": prometheus.New(), "database": postgres.New(), "pooler": pgbouncer.New()}
	for _, l := range libraries {
		var pages []string
		for _, t := range own {
			pages = append(pages, t+"/"+url.PathEscape(l.name))
		}
		sections[l.name] = map[string]any{"targets": pages, "every": "1s"}
		with[l.name] = with["metrics"]
	}
	if r.pooler != nil {
		sections["pooler"] = map[string]any{"read": r.pooler.DSN("monitor", "pgbouncer")}
	}
	for name, section := range sections {
		raw, err := json.Marshal(section)
		if err != nil {
			return err
		}
		if r.bound[name], err = with[name].Bind(plugins.Binding{Service: "api", Capability: capabilityOf(name), Access: plugins.Read, Config: raw}); err != nil {
			return err
		}
	}
	return nil
}

// capabilityOf is what is bound by that name: a library's is a service's metrics.
func capabilityOf(name string) string {
	if name == "database" || name == "pooler" {
		return name
	}
	return "metrics"
}

// changed notes a change of a setting, made now.
func (r *rig) changed(setting string, before, after int) {
	r.change(setting, before, after, time.Now())
}

func (r *rig) change(setting string, before, after int, at time.Time) {
	b, _ := capability.ScalarOf(before) // integers are scalars
	a, _ := capability.ScalarOf(after)
	r.changes = append([]capability.Change{{
		ID: fmt.Sprint(setting, at.UnixNano()), Setting: setting, Before: b, After: a, At: at.UTC(), Author: "dev", Title: "Change " + setting,
	}}, r.changes...)
}

// decoys are changes that have nothing to do with anything.
func (r *rig) decoys(luck *rand.Rand) {
	kinds := []func(time.Time){
		func(at time.Time) { r.change("cache.pool.max", 50, 20, at) },
		func(at time.Time) { r.change("db.pool.max", r.size+9, r.size+4, at) },
		func(at time.Time) { r.change("http.timeout_ms", 3000, 2000, at) },
		func(at time.Time) { r.change("worker.replicas", 3, 6, at) },
		func(at time.Time) { r.change("pgbouncer.reserve_pool_size", 5, 2, at) },
	}
	luck.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	for i := range luck.IntN(5) {
		kinds[i](time.Now().Add(-time.Duration(luck.IntN(60)) * time.Second))
	}
}

// glance reads every source side by side, each within two seconds.
func (r *rig) glance() (capability.DiagnoseInput, time.Duration) {
	all, took := r.read(nil)
	return all.DiagnoseInput, took
}

// look is a glance, and the service's figures in the words of every library.
func (r *rig) look() (reading, time.Duration) {
	pools := map[string]*capability.PoolOutput{}
	for _, l := range libraries {
		pools[l.name] = new(capability.PoolOutput)
	}
	return r.read(pools)
}

// reading is what was read of a trial at one time.
type reading struct {
	capability.DiagnoseInput
	pools map[string]*capability.PoolOutput // by library
}

func (r *rig) read(pools map[string]*capability.PoolOutput) (reading, time.Duration) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	in := capability.DiagnoseInput{Changes: &capability.ChangesOutput{Changes: r.changes}}
	in.Changes.ObservedAt = began.UTC()
	var all sync.WaitGroup
	read := func(name, action, input string, into any) {
		if b := r.bound[name]; b != nil {
			all.Go(func() {
				o := b.Run(ctx, plugins.Call{ID: action, Action: action, Input: json.RawMessage(input)}, silent{})
				if o.Failure == nil {
					_ = json.Unmarshal(o.Outputs, into) // its own type
				}
			})
		}
	}
	read("metrics", "metrics.pool", "{}", &in.Pool)
	read("database", "database.connections", `{"refusal":true}`, &in.Database)
	read("pooler", "pooler.status", "{}", &in.Pooler)
	for name, into := range pools {
		read(name, "metrics.pool", "{}", into)
	}
	all.Wait()
	return reading{in, pools}, time.Since(began)
}

type silent struct{}

func (silent) Progress(int, int, string) {}
func (silent) Log(string, string)        {}

func (r *rig) stop() {
	r.end()
	r.tasks.Wait()
	for _, b := range r.bound {
		_ = b.Close()
	}
	if r.service != nil {
		r.service.stop()
	}
	if r.proxy != nil {
		r.proxy.close()
	}
	if r.exported != nil {
		r.exported.Close()
	}
	r.exporter.Stop()
	r.pooler.Stop()
	r.standby.Stop()
	r.server.Stop()
}

var errNoOnset = errors.New("it did not show")
