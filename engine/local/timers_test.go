package local

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTimersFireInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := newTimers(time.Now)
		defer ts.stop()
		fires := make(chan string, 10)
		drain := func() (fired []string) {
			synctest.Wait()
			for len(fires) > 0 {
				fired = append(fired, <-fires)
			}
			return fired
		}
		begin := time.Now()
		set := func(id string, after time.Duration) {
			ts.set("r", id, begin.Add(after), func() { fires <- id })
		}
		set("never", time.Second)
		set("c", 3*time.Minute) // longer than it sleeps at a time
		set("a", -time.Second)  // over before it is set
		set("moved", time.Hour)
		<-time.After(time.Second)
		if fired := drain(); fired != nil {
			t.Errorf("fired before the start: %v", fired)
		}
		ts.remove("r", "never")
		ts.remove("r", "unknown")
		ts.start()
		set("b", 2*time.Second)
		set("moved", 2*time.Minute)
		<-time.After(5 * time.Minute)
		fired := drain()
		if want := []string{"a", "b", "moved", "c"}; !slices.Equal(fired, want) {
			t.Errorf("fired %v, want %v", fired, want)
		}
		set("after the end", 6*time.Minute)
		ts.stop()
		<-time.After(time.Hour)
		if fired := drain(); fired != nil {
			t.Errorf("fired after the stop: %v", fired)
		}
	})
}

// The wall clock may jump: what is due is seen within a minute.
func TestTimersSeeAClockThatJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var jump atomic.Int64
		ts := newTimers(func() time.Time { return time.Now().Add(time.Duration(jump.Load())) })
		defer ts.stop()
		ts.start()
		fired := make(chan time.Time, 1)
		began := time.Now()
		ts.set("r", "t", began.Add(time.Hour), func() { fired <- time.Now() })
		synctest.Wait()
		jump.Store(int64(time.Hour))
		if at := <-fired; at.Sub(began) > look {
			t.Errorf("seen after %s", at.Sub(began))
		}
	})
}
