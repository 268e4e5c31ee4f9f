package service

import (
	"reflect"
	"slices"

	"gopkg.in/yaml.v3"
)

// Differ names the sections at the top of two configurations that say something
// else, sorted; how they are written, and comments, do not count. Both are files
// that [Parse] takes.
func Differ(a, b []byte) []string {
	was, is := sectionsOf(a), sectionsOf(b)
	var differ []string
	for name, section := range was {
		if other, ok := is[name]; !ok || !reflect.DeepEqual(section, other) {
			differ = append(differ, name)
		}
	}
	for name := range is {
		if _, ok := was[name]; !ok {
			differ = append(differ, name)
		}
	}
	slices.Sort(differ)
	return differ
}

func sectionsOf(src []byte) map[string]any {
	var all map[string]any
	if err := yaml.Unmarshal(src, &all); err != nil {
		return nil // not a file that Parse takes
	}
	return all
}
