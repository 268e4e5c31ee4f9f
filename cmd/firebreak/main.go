// Command firebreak runs runbooks: it diagnoses, asks, repairs, verifies and
// puts back. `firebreak help` tells more.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(int(execute(context.Background(), system(), os.Args[1:])))
}
