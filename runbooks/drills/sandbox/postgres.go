package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	appLogin       = "app"
	readLogin      = "firebreak_read"
	databaseName   = "appdb"
	orders         = 1000
	maxConnections = 100 // the pool's 50, twice while it is replaced
)

// ErrNoPostgres says that this machine has no PostgreSQL server to practise on.
var ErrNoPostgres = errors.New("no PostgreSQL server found on PATH or in the usual places; `make drill` installs it")

// database is a PostgreSQL server of ours: real, but with nothing to lose, so
// it does not wait for the disk.
type database struct {
	dir     string // its socket and data
	port    string
	process *child
}

// usualPlaces are where packages put the server's programs, off PATH.
var usualPlaces = [...]string{
	"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin",
	"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
}

// findPostgres returns the folder of the server's programs: PATH's, else the
// newest in the places.
func findPostgres(places ...string) (string, error) {
	if found, err := exec.LookPath("postgres"); err == nil {
		if file, err := filepath.EvalSymlinks(found); err == nil {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), "initdb")); err == nil {
				return filepath.Dir(file), nil
			}
		}
	}
	best, newest := "", -1.0
	for _, pattern := range places {
		folders, _ := filepath.Glob(pattern) // the patterns are well-formed
		for _, folder := range folders {
			if _, err := os.Stat(filepath.Join(folder, "initdb")); err != nil {
				continue
			}
			if v := versionIn(folder); v > newest {
				best, newest = folder, v
			}
		}
	}
	if best == "" {
		return "", ErrNoPostgres
	}
	return best, nil
}

func versionIn(folder string) float64 {
	name := strings.TrimLeft(filepath.Base(filepath.Dir(folder)), "abcdefghijklmnopqrstuvwxyz-@")
	v, err := strconv.ParseFloat(name, 64)
	if err != nil {
		return 0
	}
	return v
}

// startPostgres makes a new cluster in dir and starts it; passwords are those
// of the service's login and of the reading one. It returns when the server
// answers.
func startPostgres(ctx context.Context, dir, appPassword, readPassword string) (_ *database, err error) {
	bin, err := findPostgres(usualPlaces[:]...)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	as, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--no-locale")
	initdb.Dir, initdb.Env, initdb.SysProcAttr = dir, []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}, as()
	if said, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("postgres: make a cluster in %s: %w\n%s", data, err, said)
	}
	// The superuser only through the socket in our own folder; the others by
	// password and only to their database.
	rules := "local all postgres trust\nhost " + databaseName + " " + appLogin + "," + readLogin + " 127.0.0.1/32 password\n"
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(rules), 0o600); err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	d := &database{dir: dir, port: port}
	if err := d.start(bin, data, as()); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.stop())
		}
	}()
	if err := d.prepare(ctx, appPassword, readPassword); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log")) // what there is of it helps
		return nil, fmt.Errorf("postgres: %w\n%s", err, log)
	}
	return d, nil
}

func (d *database) start(bin, data string, as *syscall.SysProcAttr) error {
	log, err := os.Create(filepath.Join(d.dir, "log"))
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	defer log.Close()
	args := []string{"-D", data}
	for name, value := range map[string]string{
		"listen_addresses": "127.0.0.1", "port": d.port, "unix_socket_directories": d.dir,
		"max_connections": strconv.Itoa(maxConnections), "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
		"shared_buffers": "32MB", "dynamic_shared_memory_type": "mmap", "wal_level": "minimal", "max_wal_senders": "0", "jit": "off",
	} {
		args = append(args, "-c", name+"="+value)
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = d.dir, []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}, as
	cmd.Stdout, cmd.Stderr = log, log
	d.process, err = startChild("postgres", cmd, nil, syscall.SIGQUIT)
	return err
}

// prepare waits for the server and makes the service's database.
func (d *database) prepare(ctx context.Context, appPassword, readPassword string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	admin, err := d.connect(ctx, "postgres")
	if err != nil {
		return err
	}
	defer admin.Close(ctx)
	for _, sql := range []string{
		"create role " + appLogin + " login password '" + appPassword + "'",
		"create role " + readLogin + " login password '" + readPassword + "' in role pg_monitor",
		"create database " + databaseName + " owner " + appLogin,
	} {
		if _, err := admin.Exec(ctx, sql); err != nil {
			return fmt.Errorf("prepare the server: %w", err)
		}
	}
	owner, err := d.connect(ctx, databaseName)
	if err != nil {
		return err
	}
	defer owner.Close(ctx)
	_, err = owner.Exec(ctx, fmt.Sprintf(`
		create table orders (id int primary key, total int not null);
		insert into orders select n, n * 7 %% 500 from generate_series(1, %d) n;
		grant select on orders to %s`, orders, appLogin))
	if err != nil {
		return fmt.Errorf("prepare the service's database: %w", err)
	}
	return nil
}

func (d *database) connect(ctx context.Context, name string) (*pgx.Conn, error) {
	dsn := fmt.Sprintf("host=%s port=%s user=postgres dbname=%s", d.dir, d.port, name)
	for {
		conn, err := pgx.Connect(ctx, dsn)
		if err == nil {
			return conn, nil
		}
		select {
		case <-d.process.done:
			return nil, fmt.Errorf("the server ended while starting: %w", d.process.err)
		case <-ctx.Done():
			return nil, fmt.Errorf("the server does not answer: %w", err)
		case <-time.After(20 * time.Millisecond): // it has no way to tell us when
		}
	}
}

// dsn is how a login reaches the service's database.
func (d *database) dsn(login, password string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(login, password),
		Host: net.JoinHostPort("127.0.0.1", d.port), Path: databaseName, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// stop ends the server at once; its data are thrown away anyway.
func (d *database) stop() error { return d.process.stop(5*time.Second, syscall.SIGQUIT) }

func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	return port, err
}
