package alerts

import (
	"fmt"
	"strconv"
	"time"
)

// layouts are how senders write a time.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02 15:04:05Z07:00"}

// moment reads a time: text, or a number of seconds, milliseconds,
// microseconds or nanoseconds since 1970, told apart by how large it is. Null
// and an empty text are no time.
func moment(v any) (time.Time, error) {
	switch v := v.(type) {
	case nil:
		return time.Time{}, nil
	case int:
		return since(int64(v))
	case float64:
		return since(int64(v))
	case string:
		if v == "" {
			return time.Time{}, nil
		}
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return since(n)
		}
		for _, layout := range layouts {
			if t, err := time.Parse(layout, v); err == nil {
				return t.UTC(), nil
			}
		}
		return time.Time{}, fmt.Errorf("%q is not a time", clip(v))
	default:
		return time.Time{}, fmt.Errorf("it is a %T, not a time", v)
	}
}

func since(n int64) (time.Time, error) {
	switch {
	case n <= 0:
		return time.Time{}, fmt.Errorf("%d is not a time", n)
	case n < 1e11:
		return time.Unix(n, 0).UTC(), nil
	case n < 1e14:
		return time.UnixMilli(n).UTC(), nil
	case n < 1e17:
		return time.UnixMicro(n).UTC(), nil
	}
	return time.Unix(0, n).UTC(), nil
}
