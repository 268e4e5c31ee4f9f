package sandbox

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// PoolSetting is the setting that the sandbox's outage is about.
const PoolSetting = "db.pool.max"

// PoolMax is its value before the outage.
const PoolMax = 50

// MaxDecoys is how many innocent commits an outage can be hidden among.
const MaxDecoys = 5

// initialSettings is the file as it was first written.
const initialSettings = `# Settings of the api service; live as soon as they are on main.
db:
  pool:
    max: 40 # the whole service's, split over its replicas
    max_lifetime: 30m
  statement_timeout: 5s
cache:
  pool:
    max: 64
  ttl: 30s
http:
  page_size: 50
  read_timeout: 10s
log:
  level: info
features:
  new_pricing: false
`

// edit is one person's change to one setting.
type edit struct {
	author, title, setting, value string
}

// decoys change something else, near the outage. Nothing in the practice
// service depends on them; the first sounds like the culprit.
var decoys = [MaxDecoys]edit{
	{"priya", "Shrink the cache client's pool, staging runs fine with less", "cache.pool.max", "16"},
	{"tomas", "Keep cached prices longer", "cache.ttl", "45s"},
	{"mei", "Debug logging while we look at the pricing bug", "log.level", "debug"},
	{"jonas", "Bigger pages for the mobile clients", "http.page_size", "100"},
	{"mei", "Switch the new pricing on", "features.new_pricing", "true"},
}

// earlier is what happened before the drill.
var earlier = []struct {
	edit
	ago time.Duration
}{
	{edit{"priya", "More database connections before the sale", PoolSetting, strconv.Itoa(PoolMax)}, 9 * 24 * time.Hour},
	{edit{"jonas", "Connections may live an hour", "db.pool.max_lifetime", "1h"}, 6 * 24 * time.Hour},
	{edit{"tomas", "Give up on slow statements sooner", "db.statement_timeout", "4s"}, 26 * time.Hour},
	{edit{"mei", "Shorter read timeout", "http.read_timeout", "8s"}, 70 * time.Minute},
}

// seededHistory is the past of the settings, ending with a pool of 50.
func seededHistory(now time.Time) ([]commit, error) {
	text := initialSettings
	commits := []commit{{author: "priya", title: "Settings of the api service", text: text, at: now.Add(-40 * 24 * time.Hour)}}
	for _, e := range earlier {
		var err error
		if text, err = set(text, e.setting, e.value); err != nil {
			return nil, err
		}
		commits = append(commits, commit{author: e.author, title: e.title, text: text, at: now.Add(-e.ago)})
	}
	return commits, nil
}

// outage is the push that breaks the service: the pool's change among n decoys
// in the seed's order, and where in it the culprit is.
func outage(text string, to, n int, now time.Time, luck *rand.Rand) (commits []commit, culprit int, err error) {
	others := append([]edit(nil), decoys[1:]...)
	luck.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	chosen := append([]edit{decoys[0]}, others[:min(max(n, 1)-1, len(others))]...)
	luck.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	culprit = luck.IntN(len(chosen) + 1)
	bad := edit{"priya", "Try more conservative pool settings before the migration", PoolSetting, strconv.Itoa(to)}
	edits := append(append(append([]edit(nil), chosen[:culprit]...), bad), chosen[culprit:]...)
	for i, e := range edits {
		if text, err = set(text, e.setting, e.value); err != nil {
			return nil, 0, err
		}
		// Pushed together, written one after the other.
		at := now.Add(-time.Duration(max(0, culprit-i)) * 20 * time.Second)
		commits = append(commits, commit{author: e.author, title: e.title, text: text, at: at})
	}
	return commits, culprit, nil
}

// set changes one scalar of the settings and keeps comments and order.
func set(text, setting, value string) (string, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return "", fmt.Errorf("settings: %w", err)
	}
	node := document.Content[0]
	for key := range strings.SplitSeq(setting, ".") {
		var next *yaml.Node
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				next = node.Content[i+1]
			}
		}
		if next == nil {
			return "", fmt.Errorf("settings: there is no %s", setting)
		}
		node = next
	}
	node.Value, node.Tag = value, ""
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return "", fmt.Errorf("settings: %w", err)
	}
	return out.String(), encoder.Close()
}

func poolMax(text string) (int, error) {
	var settings struct {
		DB struct {
			Pool struct {
				Max int `yaml:"max"`
			} `yaml:"pool"`
		} `yaml:"db"`
	}
	if err := yaml.Unmarshal([]byte(text), &settings); err != nil {
		return 0, fmt.Errorf("settings: %w", err)
	}
	return settings.DB.Pool.Max, nil
}
