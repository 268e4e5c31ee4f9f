package expr

import "strings"

// maxSuggested is how many names a hint lists.
const maxSuggested = 12

// Suggest returns a hint for somebody who wrote a name that is not there.
func Suggest(word string, names []string) string {
	if near := Nearest(word, names); near != "" {
		return "did you mean " + near + "?"
	}
	if len(names) == 0 || len(names) > maxSuggested {
		return ""
	}
	return "there is " + strings.Join(names, ", ")
}

// Nearest returns the name that somebody who wrote word most likely meant, or
// "" if none is near: one that begins so is, and a path that ends so. Of equally
// near names it returns the first.
func Nearest(word string, names []string) string {
	if len(word) > 64 {
		return ""
	}
	best, limit := "", max(1, len(word)/3)+1
	for _, name := range names {
		if d := distance(strings.ToLower(word), strings.ToLower(name), limit); d < limit {
			best, limit = name, d
		}
	}
	if best == "" && len(word) > 2 { // on_fail, or the last word of a path
		for _, name := range names {
			if strings.HasPrefix(name, word) || strings.HasSuffix(name, "/"+word) {
				return name
			}
		}
	}
	return best
}

// distance counts the edits between two words (a swap of neighbours is one),
// up to a limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
