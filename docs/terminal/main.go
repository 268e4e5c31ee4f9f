// Command terminal draws what a program left on a terminal as an SVG. It reads
// the program's output, with the few escapes that firebreak's own view writes:
// colours, lines up, and erase below. The picture in the README is made by
//
//	script -qec 'stty cols 108 rows 60; bin/firebreak drill inc-2024-0715' /dev/null | go run ./docs/terminal > docs/drill.svg
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	in, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = draw(os.Stdout, screenOf(string(in)))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "terminal:", err)
		os.Exit(1)
	}
}
