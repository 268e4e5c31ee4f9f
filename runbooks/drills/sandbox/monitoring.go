package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"time"

	"gopkg.in/yaml.v3"

	shipped "github.com/firebreak-ops/firebreak/deploy"
)

// AlertSource is the name of the Alertmanager in the sandbox's configuration.
const AlertSource = "alertmanager"

// monitorStart bounds how long the two servers may take to answer.
const monitorStart = 30 * time.Second

// quicker is how many times shorter a drill's rules wait than those that are
// shipped: an outage of a minute stands for one of ten. Nothing is shorter
// than a second, which is how often Prometheus looks.
const quicker = 10

// ErrNoMonitoring says that this machine has no Prometheus or no Alertmanager.
var ErrNoMonitoring = errors.New("needs the programs of Prometheus and its Alertmanager on PATH: apt-get install prometheus prometheus-alertmanager, or as your system has them")

// monitorOptions tell the monitoring process what to look at, and whom to tell.
type monitorOptions struct {
	Dir          string   `json:"dir"` // removed when it ends
	Prometheus   string   `json:"prometheus"`
	Alertmanager string   `json:"alertmanager"`
	Targets      []string `json:"targets"`    // host:port of the replicas
	Webhook      string   `json:"webhook"`    // where alerts are posted
	TokenFile    string   `json:"token_file"` // what they prove themselves with
}

// Monitoring is a Prometheus and an Alertmanager that watch the practice
// service.
type Monitoring struct{ process *child }

// Monitor starts Prometheus with the shipped alert rules, their windows ten
// times shorter, and an Alertmanager that posts what fires to webhook. It
// returns when both answer.
func (s *Sandbox) Monitor(ctx context.Context, webhook string) (_ *Monitoring, err error) {
	opts := monitorOptions{Webhook: webhook, TokenFile: filepath.Join(s.dir, secretsDir, alertToken)}
	var missing error
	opts.Prometheus, missing = exec.LookPath("prometheus")
	if missing == nil {
		if opts.Alertmanager, missing = exec.LookPath("prometheus-alertmanager"); missing != nil { // as Debian calls it
			opts.Alertmanager, missing = exec.LookPath("alertmanager")
		}
	}
	if missing != nil {
		return nil, fmt.Errorf("monitoring: %w", ErrNoMonitoring)
	}
	for _, replica := range s.up.URLs {
		u, err := url.Parse(replica)
		if err != nil {
			return nil, fmt.Errorf("monitoring: %w", err)
		}
		opts.Targets = append(opts.Targets, u.Host)
	}
	var lock *os.File
	if opts.Dir, lock, err = makeFolder(s.opts.Dir, drillPrefix+"monitoring-"); err != nil {
		return nil, fmt.Errorf("monitoring: %w", err)
	}
	output, notices := io.Pipe()
	cmd := role(s.opts.Command, roleMonitor)
	cmd.Stdout, cmd.Stderr = notices, s.board
	process, err := startChild("the monitoring", cmd, opts, syscall.SIGTERM)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(opts.Dir), lock.Close())
	}
	m := &Monitoring{process: process}
	go func() {
		<-process.done
		notices.Close() // never fails
		lock.Close()    // nobody waits for it
	}()
	ready := make(chan error, 1)
	go func() { ready <- json.NewDecoder(output).Decode(new(struct{})) }()
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("monitoring: it did not start: %w\n%s", err, s.board.said()), m.Stop())
	}
	return m, nil
}

// Stop ends both servers and returns when they are gone.
func (m *Monitoring) Stop() error { return m.process.stop(stopTime) }

// runMonitor keeps both servers until ctx ends, and removes their folder as
// the last thing. It writes one line when they answer.
func runMonitor(ctx context.Context, opts monitorOptions, notices, logTo io.Writer) (err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(opts.Dir)) }()
	lock, err := holdFolder(opts.Dir)
	if err != nil {
		return fmt.Errorf("monitoring: %w", err)
	}
	defer lock.Close()
	alertmanager, err := startMonitor("Alertmanager", opts.Alertmanager, filepath.Join(opts.Dir, "alertmanager"), alertmanagerConfig(opts), logTo, "--cluster.listen-address=")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, alertmanager.stop()) }()
	if err := os.WriteFile(filepath.Join(opts.Dir, "rules.yml"), quickRules(shipped.ServiceAlerts), 0o600); err != nil {
		return fmt.Errorf("monitoring: %w", err)
	}
	prometheus, err := startMonitor("Prometheus", opts.Prometheus, filepath.Join(opts.Dir, "prometheus"), prometheusConfig(opts, alertmanager.address), logTo)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, prometheus.stop()) }()
	for _, m := range []*monitor{alertmanager, prometheus} {
		if err := noteProcess(opts.Dir, m.process.pid()); err != nil {
			return fmt.Errorf("monitoring: %w", err)
		}
		if err := m.ready(ctx); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(notices, "{}\n"); err != nil {
		return fmt.Errorf("monitoring: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil
	case <-alertmanager.process.done:
		return fmt.Errorf("monitoring: the Alertmanager ended by itself: %w", errOr(alertmanager.process.err, errors.New("without a word")))
	case <-prometheus.process.done:
		return fmt.Errorf("monitoring: Prometheus ended by itself: %w", errOr(prometheus.process.err, errors.New("without a word")))
	}
}

// monitor is one of the two servers.
type monitor struct {
	name, address string
	process       *child
}

// startMonitor starts a server in a new folder. Both take these flags.
func startMonitor(name, program, dir string, config map[string]any, logTo io.Writer, more ...string) (*monitor, error) {
	text, err := yaml.Marshal(config)
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "config.yml"), text, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("monitoring: configure %s: %w", name, err)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	storage := map[string]string{"Prometheus": "--storage.tsdb.path=", "Alertmanager": "--storage.path="}[name]
	m := &monitor{name: name, address: "127.0.0.1:" + port}
	cmd := exec.Command(program, append([]string{
		"--config.file=" + filepath.Join(dir, "config.yml"), storage + filepath.Join(dir, "data"), "--web.listen-address=" + m.address, "--log.level=warn",
	}, more...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, logTo, logTo
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	m.process, err = startChild(name, cmd, nil, syscall.SIGKILL)
	return m, err
}

func (m *monitor) stop() error { return m.process.stop(5*time.Second, syscall.SIGTERM) }

func (m *monitor) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, monitorStart)
	defer cancel()
	for !answers(ctx, "http://"+m.address+"/-/ready") {
		select {
		case <-m.process.done:
			return fmt.Errorf("monitoring: %s ended: %w", m.name, errOr(m.process.err, errors.New("without a word")))
		case <-ctx.Done():
			return fmt.Errorf("monitoring: %s is not ready after %s", m.name, monitorStart)
		case <-time.After(20 * time.Millisecond): // it cannot tell us when
		}
	}
	return nil
}

func alertmanagerConfig(opts monitorOptions) map[string]any {
	return map[string]any{
		"route": map[string]any{
			"receiver": "firebreak", "group_by": []string{"..."}, "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h",
		},
		"receivers": []any{map[string]any{
			"name": "firebreak",
			"webhook_configs": []any{map[string]any{
				"url": opts.Webhook, "send_resolved": true,
				"http_config": map[string]any{"authorization": map[string]any{"credentials_file": opts.TokenFile}},
			}},
		}},
	}
}

func prometheusConfig(opts monitorOptions, alertmanager string) map[string]any {
	targets := func(hosts []string, labels map[string]string) []any {
		return []any{map[string]any{"targets": hosts, "labels": labels}}
	}
	return map[string]any{
		"global":     map[string]any{"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
		"rule_files": []string{filepath.Join(opts.Dir, "rules.yml")},
		"alerting":   map[string]any{"alertmanagers": []any{map[string]any{"static_configs": targets([]string{alertmanager}, nil)}}},
		"scrape_configs": []any{map[string]any{
			"job_name": Service, "static_configs": targets(opts.Targets, map[string]string{"service": Service}),
		}},
	}
}

// spans are the times in a file of rules: how often, over what, for how long.
var spans = regexp.MustCompile(`(\[|\b(?:keep_firing_)?for: |\binterval: )(\d+)(s|m)\b`)

// quickRules returns the rules with all their times [quicker] times shorter.
func quickRules(rules []byte) []byte {
	return spans.ReplaceAllFunc(rules, func(span []byte) []byte {
		part := spans.FindSubmatch(span)
		n, err := strconv.Atoi(string(part[2]))
		if err != nil {
			return span // too long for a number: Prometheus says so
		}
		if string(part[3]) == "m" {
			n *= 60
		}
		return fmt.Appendf(slices.Clip(part[1]), "%ds", max(1, n/quicker))
	})
}
