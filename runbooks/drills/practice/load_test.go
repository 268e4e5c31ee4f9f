package practice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// service answers the load without a network.
type service struct {
	answer func(attempt string) (code int, retryAfter string)

	mu       sync.Mutex
	attempts map[string]int
	hosts    map[string]int
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	attempt := r.Header.Get(attemptHeader)
	s.mu.Lock()
	s.attempts[attempt]++
	s.hosts[r.URL.Host]++
	s.mu.Unlock()
	code, after := s.answer(attempt)
	if code == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: code, Header: http.Header{"Retry-After": {after}}, Body: io.NopCloser(strings.NewReader(""))}, nil
}

// play runs the load for a while and returns what it recorded.
func play(t *testing.T, length time.Duration, s *service) Record {
	t.Helper()
	s.attempts, s.hosts = map[string]int{}, map[string]int{}
	var out bytes.Buffer
	l := &load{
		opts:   LoadOptions{Targets: []string{"http://a", "http://b"}, Rate: 100, Seed: 7, Orders: 10},
		client: &http.Client{Transport: s}, tally: newTally(json.NewEncoder(&out)),
	}
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	if err := l.run(ctx); err != nil {
		t.Fatal(err)
	}
	var r Record
	for lines := json.NewDecoder(&out); ; {
		var b Bucket
		if err := lines.Decode(&b); errors.Is(err, io.EOF) {
			return r
		} else if err != nil {
			t.Fatal(err)
		}
		r = r.Add(b)
	}
}

func TestLoadKeepsItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: func(string) (int, string) {
			pass(700 * time.Millisecond) // a slow service does not slow the load
			return http.StatusOK, ""
		}}
		r := play(t, 5*time.Second, s)
		for _, b := range r.Between(time.Now().Add(-4*time.Second), time.Now().Add(-time.Second)) {
			if b.OK < 9 || b.OK > 11 || b.Failed != 0 || b.Latencies.P99() != 750*time.Millisecond {
				t.Errorf("bucket %+v, want 10 good ones of 0.7 s", b)
			}
		}
		if s.hosts["a"]-s.hosts["b"] > 1 || s.hosts["b"]-s.hosts["a"] > 1 {
			t.Errorf("not in turn: %v", s.hosts)
		}
	})
}

func TestLoadRetriesThreeTimes(t *testing.T) {
	for name, code := range map[string]int{"refused": 0, "timeout": http.StatusGatewayTimeout} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{answer: func(string) (int, string) { return code, "" }}
				sum := play(t, 5*time.Second, s).Sum()
				if sum.OK != 0 || sum.Failed == 0 || sum.Attempts != 4*sum.Failed {
					t.Errorf("got %+v: each failed request has 4 attempts", sum)
				}
				if len(s.attempts) != 4 || s.attempts["4"] == 0 {
					t.Errorf("attempts are numbered 1 to 4: %v", s.attempts)
				}
			})
		})
	}
}

func TestLoadCountsARetriedSuccessAsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: func(attempt string) (int, string) {
			if attempt == "1" {
				return http.StatusInternalServerError, ""
			}
			return http.StatusOK, ""
		}}
		sum := play(t, 3*time.Second, s).Sum()
		if sum.Failed != 0 || sum.OK == 0 || sum.Attempts != 2*sum.OK {
			t.Errorf("got %+v", sum)
		}
	})
}

func TestLoadHonoursRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: func(attempt string) (int, string) {
			if attempt == "1" {
				return http.StatusServiceUnavailable, "4"
			}
			return http.StatusOK, ""
		}}
		r := play(t, 8*time.Second, s)
		if len(r) == 0 || s.attempts["2"] == 0 {
			t.Fatal("nobody came back")
		}
		for _, b := range r {
			if p99 := b.Latencies.P99(); p99 <= 4*time.Second || p99 > 6*time.Second || b.Failed != 0 {
				t.Errorf("came back too soon or too late: %s, %+v", p99, b)
			}
		}
	})
}

func TestLoadNeedsItsOptions(t *testing.T) {
	if err := RunLoad(t.Context(), LoadOptions{Rate: 1, Orders: 1}, io.Discard); err == nil {
		t.Error("no targets were accepted")
	}
}
