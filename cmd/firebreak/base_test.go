package main

import (
	"io/fs"
	"os"
	"path/filepath"
)

// missing is a tree without the files that a folder already has.
type missing struct {
	fs.FS
	dir string
}

// ReadDir implements [fs.ReadDirFS].
func (m missing) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(m.FS, name)
	if err != nil {
		return nil, err
	}
	var out []fs.DirEntry
	for _, e := range all {
		if _, err := os.Lstat(filepath.Join(m.dir, name, e.Name())); err != nil || e.IsDir() {
			out = append(out, e)
		}
	}
	return out, nil
}
