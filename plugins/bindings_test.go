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
	b.close()
	if second.closed != 1 || b.acquire("id") != nil {
		t.Errorf("at the end the binding was closed %d times", second.closed)
	}
}
