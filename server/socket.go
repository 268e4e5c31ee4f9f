package server

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// longest is how long the name of a unix socket may be: the system allows 104
// to 108 bytes, and one that is made under another name first needs a few.
const longest = 100

// SocketPath is where the owner of a state file listens: beside the file, or,
// when that name is too long for a socket, in a directory of this user under
// the system's temporary directory.
func SocketPath(state string) string {
	near := strings.TrimSuffix(state, filepath.Ext(state)) + ".sock"
	if len(near)+len(staging) <= longest {
		return near
	}
	sum := sha256.Sum256([]byte(state))
	name := filepath.Join(fmt.Sprintf("firebreak-%d", os.Getuid()), hex.EncodeToString(sum[:8])+".sock")
	short := filepath.Join(os.TempDir(), name)
	if len(short)+len(staging) > longest {
		return filepath.Join("/tmp", name)
	}
	return short
}

// staging is what a socket's name has in addition until it is ready.
const staging = ".new/s"

// listen makes a socket that only this user can reach at any time: it is made
// in a closed directory and moved from there. A socket that an owner before
// us has left is replaced; the caller must own the state.
// Where root makes it, it is of whoever owns the state: they are kept out of
// nothing else.
func listen(path, state string) (*net.UnixListener, error) {
	if err := privateDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	dir, staged := filepath.Dir(path+staging), path+staging
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: staged, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it will have another name by then
	if err := errors.Join(os.Chmod(staged, 0o600), give(staged, state), os.Rename(staged, path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// give makes root's socket that of a file's owner.
func give(socket, state string) error {
	info, err := os.Stat(state)
	if os.Getuid() != 0 || errors.Is(err, fs.ErrNotExist) || state == "" {
		return nil
	}
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return os.Lchown(socket, int(st.Uid), int(st.Gid))
	}
	return nil
}

// privateDir makes a directory for this user alone if there is none. One that
// exists is taken as it is unless it is in a place that everybody can write
// to: then it must be ours and closed to others.
func privateDir(dir string) error {
	err := os.MkdirAll(filepath.Dir(dir), 0o700)
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err == nil || !errors.Is(err, fs.ErrExist) {
		return err
	}
	parent, err := os.Stat(filepath.Dir(dir))
	if err != nil || parent.Mode().Perm()&0o002 == 0 {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(st.Uid) != os.Getuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s is not a directory that only this user can write to; remove it or choose another state file", dir)
	}
	return nil
}
