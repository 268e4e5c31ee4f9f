package git

import (
	"bytes"
	"fmt"
	"strings"
)

const around = 3 // lines shown on each side of a change

// unified shows the one region in which two versions of a file differ.
func unified(path string, before, after []byte) string {
	was, is := lines(before), lines(after)
	head := 0
	for head < len(was) && head < len(is) && bytes.Equal(was[head], is[head]) {
		head++
	}
	tail := 0
	for tail < len(was)-head && tail < len(is)-head && bytes.Equal(was[len(was)-1-tail], is[len(is)-1-tail]) {
		tail++
	}
	from, lead := max(0, head-around), min(head, around)
	trail := min(tail, around)
	var out strings.Builder
	fmt.Fprintf(&out, "--- a/%s\n+++ b/%s\n", path, path)
	fmt.Fprintf(&out, "@@ -%s +%s @@\n", extent(from, lead+len(was)-head-tail+trail), extent(from, lead+len(is)-head-tail+trail))
	show(&out, ' ', was[from:head])
	show(&out, '-', was[head:len(was)-tail])
	show(&out, '+', is[head:len(is)-tail])
	show(&out, ' ', was[len(was)-tail:len(was)-tail+trail])
	return out.String()
}

func extent(from, n int) string {
	if n > 0 {
		from++
	}
	return fmt.Sprintf("%d,%d", from, n)
}

func lines(b []byte) [][]byte {
	all := bytes.SplitAfter(b, []byte("\n"))
	if len(all[len(all)-1]) == 0 {
		all = all[:len(all)-1]
	}
	return all
}

func show(out *strings.Builder, mark byte, lines [][]byte) {
	for _, l := range lines {
		out.WriteByte(mark)
		out.Write(l)
		if !bytes.HasSuffix(l, []byte("\n")) {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}
