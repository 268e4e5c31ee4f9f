package service

import (
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Serve is how `firebreak serve` listens for alerts.
type Serve struct {
	Listen string // HOST:PORT
	Cert   string // file of the certificate, absolute; empty: no TLS
	Key    string // file of its key, absolute
	Plain  bool   // other machines may come without TLS

	MetricsOpen bool // everybody may read the metrics
}

// Who may read the metrics.
const (
	metricsToken = "token"
	metricsOpen  = "open"
)

// The kinds of source.
const (
	KindAlertmanager = "alertmanager" // Prometheus Alertmanager's webhook, version 4
	KindGrafana      = "grafana"      // Grafana's webhook contact point
	KindPagerDuty    = "pagerduty"    // PagerDuty's webhooks, version 3
	KindSNS          = "sns"          // Amazon SNS over HTTPS, with a mapping of the message
	KindJSON         = "json"         // any JSON, with a mapping of the body
)

// SourceKinds are all of them, in the order in which people read them.
func SourceKinds() []string {
	return []string{KindAlertmanager, KindGrafana, KindPagerDuty, KindSNS, KindJSON}
}

// Source is who may send alerts.
type Source struct {
	Name      string
	Kind      string
	Secrets   []string      // references; any of them will do, so that they can be changed one after the other
	Signature string        // the header that holds an HMAC-SHA256 of the body; empty: the secret itself is sent
	Mapping   *Mapping      // of the kinds sns and json; else nil
	Silence   time.Duration // after which somebody is woken because nothing has come; 0: never
	Notes     *Notes        // of the kind pagerduty: how runs are noted on its incidents; nil: they are not
	Pos       runbook.Pos
}

// Notes is how what a run does is written on the incident that its alert came
// from, over PagerDuty's REST API.
type Notes struct {
	Token string // reference to the secret
	From  string // address of the user who writes; empty: whose token it is
	URL   string // without a slash at its end; empty: PagerDuty's own
	Link  string // where people look at a run, with RUN for its id; empty: nowhere
}

// Mapping says where the fields of an alert are. Each is an expression over
// body.
type Mapping struct {
	Identity    *expr.Program // what tells one alert of the source from another
	Status      *expr.Program // firing, resolved, or ignore
	StartsAt    *expr.Program // nil: it is not known
	URL         *expr.Program // nil: there is none
	Labels      map[string]*expr.Program
	Annotations map[string]*expr.Program
}

func (r *reader) serve(f runbook.Fields) {
	at := f.At("serve")
	f, ok := r.within(f, "serve", serveShape)
	if !ok {
		return
	}
	if f.Has("cert") != f.Has("key") {
		r.addf(at, "conflict", "give both cert: and key:, or neither", "serve has one of cert and key")
	}
	r.cfg.Serve = &Serve{
		Listen: f.Text("listen"), Cert: f.Text("cert"), Key: f.Text("key"), Plain: f.Flag("plain_http"), MetricsOpen: f.Text("metrics") == metricsOpen,
	}
}

func (r *reader) sources(f runbook.Fields) {
	for _, e := range f.Entries("sources") {
		f, ok := r.file.Fields(e.Node, sourceShape)
		s := &Source{Name: e.Name, Kind: f.Text("kind"), Signature: f.Text("signature"), Silence: r.span(f, "silence"), Pos: e.Pos}
		for _, n := range r.list(f, "secrets") {
			if ref := r.referenceAt(n, "a secret of source "+s.Name); ref != "" {
				s.Secrets = append(s.Secrets, ref)
			}
		}
		mapped := s.Kind == KindSNS || s.Kind == KindJSON
		switch {
		case !ok || s.Kind == "":
		case mapped && !f.Has("mapping"):
			r.addf(runbook.PosOf(e.Node), "no-mapping", "add mapping: with identity, status and labels", "source %s is of the kind %s and has no mapping", s.Name, s.Kind)
		case !mapped && f.Has("mapping"):
			r.addf(f.At("mapping"), "no-mapping", "remove it, or write kind: json", "source %s is of the kind %s, which needs no mapping", s.Name, s.Kind)
		}
		s.Mapping, s.Notes = r.mappingOf(f), r.notesOf(f)
		if s.Notes != nil && s.Kind != KindPagerDuty {
			at := f.At("notes")
			r.addf(at, "no-notes", "remove it", "source %s is of the kind %s, which has no incidents to write notes on", s.Name, s.Kind)
		}
		if s.Kind == KindPagerDuty && s.Signature == "" {
			s.Signature = "X-PagerDuty-Signature"
		}
		r.cfg.Sources[s.Name] = s
	}
}

func (r *reader) notesOf(f runbook.Fields) *Notes {
	f, ok := r.within(f, "notes", notesShape)
	if !ok {
		return nil
	}
	return &Notes{Token: r.reference(f, "token"), From: f.Text("from"), URL: strings.TrimRight(f.Text("url"), "/"), Link: f.Text("link")}
}

// mappingScope is what a mapping may read.
var mappingScope = expr.Scope{"body": expr.Any()}

func (r *reader) mappingOf(f runbook.Fields) *Mapping {
	f, ok := r.within(f, "mapping", mappingShape)
	if !ok {
		return nil
	}
	program := func(key string) *expr.Program { return r.program(key, f.Text(key), f.At(key)) }
	programs := func(key string) map[string]*expr.Program {
		all := map[string]*expr.Program{}
		for _, e := range f.Entries(key) {
			src, _ := e.Value.(string)
			all[e.Name] = r.program(e.Name+" of "+key, src, runbook.PosOf(e.Node))
		}
		return all
	}
	return &Mapping{
		Identity: program("identity"), Status: program("status"), StartsAt: program("starts_at"), URL: program("url"),
		Labels: programs("labels"), Annotations: programs("annotations"),
	}
}

// program compiles an expression over body; nil: there is none.
func (r *reader) program(what, src string, at runbook.Pos) *expr.Program {
	if src == "" {
		return nil
	}
	p, err := expr.Compile(src, mappingScope, nil)
	if err != nil {
		r.addf(at, "bad-expression", err.Hint, "%s: %s", what, err.What)
		return nil
	}
	return p
}
