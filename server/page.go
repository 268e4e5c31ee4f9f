package server

import (
	"net/http"
	"strconv"
)

// mostListed is how many a listing holds at most.
const mostListed = 1000

// mostRead is how many runs are read for one listing at most.
const mostRead = 100

// page is an answer of which there is more.
type page struct {
	answer any
	after  string // what the next one comes after
}

// more says whether there is more than a listing holds.
type more bool

// with is an answer, and where it goes on if there is more.
func (m more) with(answer any, last func() string) any {
	if !m {
		return answer
	}
	return page{answer, last()}
}

// cut bounds what was asked for with one more than is wanted.
func cut[T any](all []T, limit int) ([]T, more) {
	if len(all) <= limit {
		return all, false
	}
	return all[:limit], true
}

// next says where a listing goes on, as RFC 8288 has it.
func (p page) next(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	values.Set("after", p.after)
	w.Header().Set("Link", "<"+r.URL.EscapedPath()+"?"+values.Encode()+`>; rel="next"`)
}

// limitOf is how many a request asks for, as far as that is given.
func limitOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return mostListed, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, invalid("limit is %.80q, not a number from 0 on", text)
	}
	if n == 0 || n > mostListed {
		return mostListed, nil
	}
	return n, nil
}

// pageOf is how many a request asks for, and the number of what they come
// after; 0: they begin with the first.
func pageOf(r *http.Request) (limit int, after int64, err error) {
	if limit, err = limitOf(r); err != nil {
		return 0, 0, err
	}
	text := r.URL.Query().Get("after")
	if text == "" {
		return limit, 0, nil
	}
	if after, err = strconv.ParseInt(text, 10, 64); err != nil || after < 1 {
		return 0, 0, invalid("after is %.80q, which no listing has said", text)
	}
	return limit, after, nil
}
