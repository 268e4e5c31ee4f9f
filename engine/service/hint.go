package service

import (
	"fmt"
	"slices"
	"strings"
)

// maxKnown is how many known words are compared and listed.
const maxKnown = 200

// hintFrom names the known word that was probably meant, or all of them.
func hintFrom(word, kind string, known []string) string {
	if len(known) > maxKnown {
		return ""
	}
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 {
		return "there are no " + kind
	}
	known = slices.Sorted(slices.Values(known))
	return kind + ": " + strings.Join(known, ", ")
}

// nearest returns the known word that a typing mistake turns into word, or "".
func nearest(word string, known []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts the edits (insert, delete, replace, swap of neighbours)
// between two words. Words too long to be a name are far from everything.
func distance(a, b string) int {
	const long = 64
	if len(a) > long || len(b) > long {
		return long
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			change := row[j]
			if a[i] != b[j] {
				change++
			}
			next[j+1] = min(change, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
