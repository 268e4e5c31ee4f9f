package main

import (
	"context"
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/plugins"
)

// TestMain makes the test binary the firebreak command as well, for the
// stories and for the plugins, which are this executable executed again; and
// the small world that the stories act on.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "6"); err != nil { // they wait for their children, and for time
		panic(err)
	}
	testscript.Main(m, map[string]func(){
		"firebreak": func() {
			a := system()
			if at := os.Getenv(crashEnv); at != "" {
				a.journal = func(j local.Journal) local.Journal { return newCrash(j, at) }
			}
			os.Exit(int(execute(context.Background(), a, os.Args[1:])))
		},
		"acme":  func() { plugins.Serve(acme{}) },
		"world": func() { os.Exit(world(os.Args[1:])) },
	})
}
