package service

import (
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/policy"
)

var plainLimit = regexp.MustCompile(`^([1-9][0-9]{0,5}|[1-9][0-9]?%|100%)$`)

// limit reads a number from 1 on, or a share such as 25%.
func (r *reader) limit(what string, into **policy.Limit) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || !plainLimit.MatchString(n.Value) {
			r.addf(posOf(n), "bad-number", "write a number such as 3, or a share such as 25%", "%s is not how much may be touched", what)
			return
		}
		number, share := strings.CutSuffix(n.Value, "%")
		l := &policy.Limit{}
		if l.Count, _ = strconv.Atoi(number); share { // it is one
			l.Count, l.Percent = 0, l.Count
		}
		*into = l
	}
}
