package service

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// Serve is how `firebreak serve` listens for alerts.
type Serve struct {
	Listen string // HOST:PORT
	Cert   string // file of the certificate, absolute; empty: no TLS
	Key    string // file of its key, absolute
	Plain  bool   // other machines may come without TLS

	MetricsOpen bool // everybody may read the metrics
}

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
	Pos       Pos
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

func (r *reader) serve(n *yaml.Node) {
	s := &Serve{}
	var metrics string
	r.object(n, "serve", fields{
		"listen":     r.text("listen of serve", &s.Listen),
		"cert":       r.path("cert of serve", &s.Cert),
		"key":        r.path("key of serve", &s.Key),
		"plain_http": r.truth("plain_http of serve", &s.Plain),
		"metrics": func(n *yaml.Node) {
			r.text("metrics of serve", &metrics)(n)
			if metrics != "" && metrics != "open" && metrics != "token" {
				r.addf(posOf(n), "unknown-kind", "write open or token", "there is no way to read metrics %.80q", metrics)
			}
		},
	})
	s.MetricsOpen = metrics == "open"
	if (s.Cert == "") != (s.Key == "") {
		r.addf(posOf(n), "missing-key", "give both cert: and key:, or neither", "serve has one of cert and key")
	}
	r.cfg.Serve = s
}

// path reads the name of a file.
func (r *reader) path(what string, into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.text(what, into)(n)
		if *into != "" && !strings.HasPrefix(*into, "/") {
			r.addf(posOf(n), "bad-path", "write it from / on", "%s is not absolute", what)
		}
	}
}

func (r *reader) sources(n *yaml.Node) {
	r.entries(n, "sources", func(k, v *yaml.Node) {
		s := &Source{Name: k.Value, Pos: posOf(k)}
		what := "source " + s.Name
		var mapping *yaml.Node
		r.object(v, what, fields{
			"kind":      r.sourceKind(what, &s.Kind),
			"secrets":   func(n *yaml.Node) { r.sourceSecrets(what, s, n) },
			"signature": r.header("signature of "+what, &s.Signature),
			"silence":   r.duration("silence of "+what, &s.Silence),
			"mapping":   func(n *yaml.Node) { mapping, s.Mapping = n, r.mappingOf(what, n) },
		}, "kind", "secrets")
		mapped := s.Kind == KindSNS || s.Kind == KindJSON
		switch {
		case s.Kind == "":
		case mapped && mapping == nil && v.Kind == yaml.MappingNode:
			r.addf(posOf(v), "no-mapping", "add mapping: with identity, status and labels", "%s is of the kind %s and has no mapping", what, s.Kind)
		case !mapped && mapping != nil:
			r.addf(posOf(mapping), "no-mapping", "remove it, or write kind: json", "%s is of the kind %s, which needs no mapping", what, s.Kind)
		}
		if s.Kind == KindPagerDuty && s.Signature == "" {
			s.Signature = "X-PagerDuty-Signature"
		}
		r.cfg.Sources[s.Name] = s
	})
}

func (r *reader) sourceKind(what string, into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.text("kind of "+what, into)(n)
		if *into != "" && !slices.Contains(SourceKinds(), *into) {
			r.addf(posOf(n), "unknown-kind", hintFrom(*into, "kinds", SourceKinds()), "there is no kind of source %.80q", *into)
			*into = ""
		}
	}
}

func (r *reader) sourceSecrets(what string, s *Source, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.addf(posOf(n), "wrong-type", `write a list: - {secret: "env:NAME"}`, "secrets of %s must be a list, not %s", what, kindOf(n))
		return
	}
	if len(n.Content) == 0 {
		r.addf(posOf(n), "empty", secretHint, "%s has no secret: nobody could send it anything", what)
	}
	for _, item := range n.Content {
		var ref string
		r.reference("a secret of "+what, &ref)(item)
		if ref != "" {
			s.Secrets = append(s.Secrets, ref)
		}
	}
}

// secretOf returns the reference in a {secret: ...}, or nil.
func secretOf(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == "secret" {
		return n.Content[1]
	}
	return nil
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

func (r *reader) header(what string, into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.text(what, into)(n)
		if *into != "" && !headerName.MatchString(*into) {
			r.addf(posOf(n), "bad-name", "write it as the sender does, such as X-Signature", "%s is not the name of a header", what)
		}
	}
}

// mappingScope is what a mapping may read.
var mappingScope = expr.Scope{"body": expr.Any()}

func (r *reader) mappingOf(what string, n *yaml.Node) *Mapping {
	m := &Mapping{Labels: map[string]*expr.Program{}, Annotations: map[string]*expr.Program{}}
	what = "mapping of " + what
	r.object(n, what, fields{
		"identity":    r.mapped("identity in "+what, &m.Identity),
		"status":      r.mapped("status in "+what, &m.Status),
		"starts_at":   r.mapped("starts_at in "+what, &m.StartsAt),
		"url":         r.mapped("url in "+what, &m.URL),
		"labels":      r.mappedAll("labels in "+what, m.Labels),
		"annotations": r.mappedAll("annotations in "+what, m.Annotations),
	}, "identity", "status", "labels")
	return m
}

func (r *reader) mappedAll(what string, into map[string]*expr.Program) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.open(n, what, nil, func(k, v *yaml.Node) {
			var p *expr.Program
			r.mapped(k.Value+" of "+what, &p)(v)
			into[k.Value] = p
		})
	}
}

// mapped reads an expression over body.
func (r *reader) mapped(what string, into **expr.Program) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var src string
		r.text(what, &src)(n)
		if src == "" {
			return
		}
		p, err := expr.Compile(src, mappingScope, nil)
		if err != nil {
			r.addf(posOf(n), "bad-expression", err.Hint, "%s: %s", what, err.What)
			return
		}
		*into = p
	}
}
