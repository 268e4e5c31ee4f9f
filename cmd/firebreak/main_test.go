package main

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary the firebreak command as well, for the
// stories and for the plugins, which are this executable executed again.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"firebreak": func() { os.Exit(int(execute(context.Background(), system(), os.Args[1:]))) },
	})
}
