// Package runbooks is the library of runbooks that firebreak ships.
package runbooks

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed *.yaml
var files embed.FS

const (
	extension = ".yaml"
	tests     = "_test.yaml" // beside the runbooks that they test
)

// Names returns the names of the shipped runbooks, sorted.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // cannot be: the folder is part of the binary
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), tests) {
			continue
		}
		names = append(names, strings.TrimSuffix(entry.Name(), extension))
	}
	slices.Sort(names)
	return names
}

// File returns the name of the file and the bytes of a shipped runbook.
func File(name string) (file string, src []byte, err error) {
	file = name + extension
	if src, err = files.ReadFile(file); err != nil {
		return "", nil, fmt.Errorf("no shipped runbook is called %q; there is %s", name, strings.Join(Names(), ", "))
	}
	return file, src, nil
}
