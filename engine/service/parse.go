package service

import (
	"crypto/sha256"
	"encoding/hex"

	"gopkg.in/yaml.v3"
)

// Parse reads a firebreak.yaml; file is for messages only. It returns a
// configuration, or everything that is wrong with it in the order of the
// file, never both. An empty file is a configuration without services.
func Parse(file string, src []byte) (*Config, []Problem) {
	sum := sha256.Sum256(src)
	r := &reader{
		problems: problems{file: file},
		cfg: &Config{
			File:     file,
			Services: map[string]*Service{},
			Tools:    map[string]Section{},
			Roles:    map[string]*Role{},
			People:   map[string]*Person{},
			Plugins:  map[string]PluginBinary{},
			Sources:  map[string]*Source{},
			Digest:   "sha256:" + hex.EncodeToString(sum[:]),
		},
	}
	if root := r.document(src); root != nil {
		r.object(root, "firebreak.yaml", fields{
			"services": r.services,
			"tools":    r.tools,
			"roles":    r.roles,
			"people":   r.people,
			"plugins":  r.plugins,
			"sources":  r.sources,
			"serve":    r.serve,
			"policy":   r.policy,
			"runbooks": r.supply,
			"chat":     r.chat,
			"paging":   r.paging,
		})
		r.members()
		for _, look := range r.later {
			look()
		}
	}
	if len(r.found) > 0 {
		return nil, r.sorted()
	}
	return r.cfg, nil
}

// reader turns the nodes of one file into a Config.
type reader struct {
	problems

	cfg   *Config
	named []member // people named by roles, checked once all people are known
	later []func() // other checks that need all of the file
}

type member struct {
	role, person string
	at           Pos
}

// fields says who reads the value of each key of an object.
type fields map[string]func(*yaml.Node)
