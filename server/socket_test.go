package server

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// The socket is of whoever owns the state, also where root makes it.
func TestSocketOfTheStatesOwner(t *testing.T) {
	dir := t.TempDir()
	state, socket := filepath.Join(dir, "s.db"), filepath.Join(dir, "s.sock")
	if err := os.WriteFile(state, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want := os.Getuid()
	if want == 0 {
		want = 65534
		if err := os.Chown(state, want, want); err != nil {
			t.Fatal(err)
		}
	}
	l, err := listen(socket, state)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := os.Stat(socket)
	if err != nil {
		t.Fatal(err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != want || info.Mode().Perm() != 0o600 {
		t.Errorf("it is of %+v with %s", info.Sys(), info.Mode())
	}
}
