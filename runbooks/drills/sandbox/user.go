package sandbox

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// unprivileged hands dir to the user that the database runs as, because
// PostgreSQL refuses to run as root, and returns what makes a process run as
// that user: nothing special when we are not root.
func unprivileged(dir string) (func() *syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return func() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		if err := enterable(filepath.Dir(dir), name); err != nil {
			return nil, err
		}
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			return nil, fmt.Errorf("give %s to %s: %w", dir, name, err)
		}
		return func() *syscall.SysProcAttr {
			return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}} //nolint:gosec // parsed as 32 bits
		}, nil
	}
	return nil, fmt.Errorf("the database cannot run as root, and there is no user postgres or nobody: run the drill as an ordinary user")
}

// enterable says, better than initdb would, that a folder on the way keeps the
// database's user out.
func enterable(dir, name string) error {
	for {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("the database runs as %s, who cannot enter %s: set TMPDIR to a folder that everybody may enter, such as /tmp", name, dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}
