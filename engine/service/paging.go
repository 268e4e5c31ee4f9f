package service

import (
	"net/url"
	"time"

	"gopkg.in/yaml.v3"
)

// Paging is how firebreak wakes people, over PagerDuty's Events API v2.
type Paging struct {
	RoutingKey string            // reference to the secret of the integration
	URL        string            // empty: PagerDuty's own
	Roles      map[string]string // references to the secrets of other integrations, by role
	Heartbeat  *Heartbeat        // nil: there is none
}

// Heartbeat is how firebreak tells somebody else that it is there.
type Heartbeat struct {
	URL   string // reference to the secret that is the address
	Every time.Duration
}

// beatEvery is how often it does when nobody says.
const beatEvery = time.Minute

func (r *reader) paging(n *yaml.Node) {
	p := &Paging{Roles: map[string]string{}}
	r.object(n, "paging", fields{
		"routing_key": r.reference("routing_key of paging", &p.RoutingKey),
		"url":         r.address("url of paging", &p.URL),
		"roles": func(n *yaml.Node) {
			r.entries(n, "roles of paging", func(k, v *yaml.Node) {
				var ref string
				r.reference("role "+k.Value+" of paging", &ref)(v)
				p.Roles[k.Value] = ref
			})
		},
		"heartbeat": func(n *yaml.Node) {
			p.Heartbeat = &Heartbeat{Every: beatEvery}
			r.object(n, "heartbeat of paging", fields{
				"url":   r.reference("url of heartbeat", &p.Heartbeat.URL),
				"every": r.duration("every of heartbeat", &p.Heartbeat.Every),
			}, "url")
		},
	}, "routing_key")
	r.cfg.Paging = p
}

// address reads where something is reached over HTTPS.
func (r *reader) address(what string, into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.text(what, into)(n)
		u, err := url.Parse(*into)
		if *into != "" && (err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "127.0.0.1")) {
			r.addf(posOf(n), "bad-address", "write https://HOST/PATH; http is for 127.0.0.1 alone", "%s is not the address of a web service", what)
		}
	}
}

// duration reads a time span of at least a second.
func (r *reader) duration(what string, into *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var text string
		r.text(what, &text)(n)
		if text == "" {
			return
		}
		d, err := time.ParseDuration(text)
		if err != nil || d < time.Second {
			r.addf(posOf(n), "bad-duration", "write it as 30s, 5m or 1h30m", "%s is no time span of a second or more", what)
			return
		}
		*into = d
	}
}
