package plugins

import "testing"

type closeable struct {
	Bound
	closed int
}

func (c *closeable) Close() error { c.closed++; return nil }

func TestReplacedBindingClosesAfterItsLastCall(t *testing.T) {
	var b bindings
	first, second := &closeable{}, &closeable{}
	b.put("id", first)
	call := b.acquire("id")
	b.put("id", second)
	if first.closed != 0 {
		t.Fatal("it was closed under a call")
	}
	b.release(call)
	if first.closed != 1 {
		t.Errorf("the replaced binding was closed %d times", first.closed)
	}
	<-b.close()
	if second.closed != 1 || b.acquire("id") != nil {
		t.Errorf("at the end the binding was closed %d times", second.closed)
	}
	late := &closeable{}
	b.put("id", late)
	if late.closed != 1 || b.acquire("id") != nil {
		t.Errorf("bound after the end, it was closed %d times", late.closed)
	}
}

func TestTheEndWaitsForCalls(t *testing.T) {
	var b bindings
	one := &closeable{}
	b.put("id", one)
	call := b.acquire("id")
	closed := b.close()
	select {
	case <-closed:
		t.Fatal("everything is closed, and a call goes on")
	default:
	}
	b.release(call)
	<-closed
	if one.closed != 1 {
		t.Errorf("it was closed %d times", one.closed)
	}
}
