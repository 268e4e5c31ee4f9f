package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func newVersion(a *app) *cobra.Command {
	return withExits(&cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "version prints the version of firebreak, and what it was built with and for.",
		Example: "  firebreak version --json",
		Args:    args(0, 0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			if a.flags.json {
				return a.printJSON(map[string]any{
					"type": "version", "version": buildVersion(), "go": runtime.Version(),
					"platform": runtime.GOOS + "/" + runtime.GOARCH,
				})
			}
			a.printf("%s\n", versionLine())
			return nil
		},
	})
}

// versionLine is the version for people.
func versionLine() string {
	return fmt.Sprintf("firebreak %s (%s, %s/%s)", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
