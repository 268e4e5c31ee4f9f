package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
)

// Who types nothing more is told so: the end of the input is seen.
func TestReadLinesToTheEndOfTheInput(t *testing.T) {
	typed := make(chan string)
	go readLines(t.Context(), &app{in: strings.NewReader("approve \ny")}, typed)
	var got []string
	for text := range typed {
		got = append(got, text)
	}
	if want := []string{"approve", "y"}; !slices.Equal(want, got) {
		t.Errorf("it read %q, not %q", got, want)
	}
}

// An owner without its socket is told of by its process; one that has it may
// be starting or ending.
func TestUnheardOfAnOwnerWithoutItsSocket(t *testing.T) {
	state, socket := filepath.Join(t.TempDir(), "state.db"), filepath.Join(t.TempDir(), "state.sock")
	store, err := sqlite.Open(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Announce(socket); err != nil {
		t.Fatal(err)
	}
	_, text, hint := explain(unheard(state, busy(errors.New("it is gone"))))
	if !strings.Contains(text, socket+" is gone") || !strings.Contains(hint, fmt.Sprintf("`kill %d`", os.Getpid())) {
		t.Errorf("it says: %s; %s", text, hint)
	}
	if err := os.WriteFile(socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unheard(state, errBusy); !errors.Is(err, errBusy) {
		t.Errorf("with its socket: %v", err)
	}
}

// Somebody who owns the state for a moment is no reason to say nothing of the
// plugins.
func TestPluginsBesideAnOwnerThatBegins(t *testing.T) {
	d := newDaemonCase(t)
	store, err := sqlite.Open(t.Context(), filepath.Join(d.dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if said, err := d.command("A=", "plugins").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, said)
	}
}
