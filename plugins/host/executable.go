package host

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// errRefused marks an executable that must not be run: trying again is of
// no use until somebody changes something.
var errRefused = errors.New("refused")

// executable is a program that was checked and is held open, so that what
// was checked is what runs.
type executable struct {
	path string   // to execute
	file *os.File // handed to the child as descriptor 3; nil for a built-in
	args []string // argv, the name first
	sum  string   // SHA-256, hex
}

func (e executable) close() {
	if e.file != nil {
		_ = e.file.Close() // it was only read
	}
}

// open readies the program of a third party: the file at its path, if it is
// the pinned one.
func open(spec Spec) (executable, error) {
	file, err := os.Open(spec.Path)
	if err != nil {
		return executable{}, fmt.Errorf("%w: %w", errRefused, err)
	}
	sum, err := hash(file)
	if err != nil {
		_ = file.Close()
		return executable{}, fmt.Errorf("%w: hashing %s: %w", errRefused, spec.Path, err)
	}
	if !strings.EqualFold(sum, spec.SHA256) {
		_ = file.Close()
		return executable{}, fmt.Errorf("%w: %s has sha256 %s, but %s is pinned; if you changed it, pin the new one",
			errRefused, spec.Path, sum, strings.ToLower(spec.SHA256))
	}
	return executable{path: inherited(spec.Path), file: file, args: append([]string{spec.Path}, spec.Args...), sum: sum}, nil
}

// openSelf readies a built-in: the program that is running, not the one
// that may have been put in its place on disk since. sum is its checksum.
func openSelf(spec Spec, sum string) (executable, error) {
	path, err := self()
	if err != nil {
		return executable{}, fmt.Errorf("%w: finding the running executable: %w", errRefused, err)
	}
	args := spec.Args
	if args == nil {
		args = []string{"plugin", spec.Name}
	}
	return executable{path: path, args: append([]string{"firebreak"}, args...), sum: sum}, nil
}

// hashSelf is the SHA-256 of the running executable, in hex.
func hashSelf() (string, error) {
	path, err := self()
	if err != nil {
		return "", err
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // it was only read
	return hash(file)
}

func hash(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
