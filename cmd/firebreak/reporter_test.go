package main

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// TestLastWords holds that of what a call says the last lines are kept, cut
// between characters.
func TestLastWords(t *testing.T) {
	passed := 0
	r := &reporter{run: local.RunInfo{Report: func(local.Progress) { passed++ }}}
	for i := range 30 {
		r.Log("info", fmt.Sprintf("line %d\nand more", i))
	}
	r.Log("warn", "!"+strings.Repeat("ü", 300))
	last := r.lastWords()
	if len(last) != lastLines || last[lastLines-2] != "and more" || last[lastLines-3] != "line 29" {
		t.Errorf("kept are %q", last)
	}
	if end := last[lastLines-1]; !utf8.ValidString(end) || !strings.HasSuffix(end, "ü…") || len(end) > lastLine+len("…") {
		t.Errorf("the last is %q", end)
	}
	if passed != 31 {
		t.Errorf("%d of 31 were passed on", passed)
	}
}
