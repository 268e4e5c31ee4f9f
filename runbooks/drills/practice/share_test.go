package practice

import "testing"

func TestShare(t *testing.T) {
	for _, c := range []struct {
		total, replicas int
		want            []int // nil: refused
	}{
		{50, 5, []int{10, 10, 10, 10, 10}},
		{50, 4, []int{13, 13, 12, 12}},
		{20, 4, []int{5, 5, 5, 5}},
		{4, 4, []int{1, 1, 1, 1}},
		{3, 4, nil},
		{0, 4, nil},
		{501, 4, nil},
	} {
		for i := range c.replicas {
			got, err := share(c.total, c.replicas, i)
			switch {
			case c.want == nil && err == nil:
				t.Errorf("share(%d, %d) was not refused", c.total, c.replicas)
			case c.want != nil && (err != nil || got != c.want[i]):
				t.Errorf("share(%d, %d, %d) = %d, %v; want %d", c.total, c.replicas, i, got, err, c.want[i])
			}
		}
	}
}
