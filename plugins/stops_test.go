package plugins

import (
	"strconv"
	"testing"
)

func closed(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

func TestStops(t *testing.T) {
	var s stops
	if s.stop("early") {
		t.Error("a call that has not begun is running")
	}
	early, _ := s.begin("early")
	late, _ := s.begin("late")
	if !closed(early) || closed(late) {
		t.Errorf("stopped: early %v, late %v", closed(early), closed(late))
	}
	if _, fresh := s.begin("late"); fresh {
		t.Error("one call began twice")
	}
	for range 2 {
		if !s.stop("late") || !closed(late) {
			t.Error("a running call was not stopped")
		}
	}
	s.end("late")
	if s.stop("late") {
		t.Error("a call that ended is running")
	}
}

func TestEarlyStopsAreBounded(t *testing.T) {
	var s stops
	for i := range maxEarlyStops + 1 {
		s.stop(strconv.Itoa(i))
	}
	if first, _ := s.begin("0"); closed(first) || len(s.early) != maxEarlyStops {
		t.Errorf("%d early stops are kept", len(s.early))
	}
	if last, _ := s.begin(strconv.Itoa(maxEarlyStops)); !closed(last) {
		t.Error("the newest early stop is lost")
	}
}
