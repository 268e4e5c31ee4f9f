package document

import (
	"fmt"
	"maps"
)

// flat lists a decoded document by path, without the package's own reader.
func flat(at string, v any) map[string]string {
	out := map[string]string{}
	add := func(key string, v any) {
		if at != "" {
			key = at + "\x00" + key
		}
		maps.Copy(out, flat(key, v))
	}
	switch v := v.(type) {
	case map[string]any:
		for k, v := range v {
			add(k, v)
		}
	case map[any]any:
		for k, v := range v {
			add(fmt.Sprint(k), v)
		}
	case []any:
		for i, v := range v {
			add(fmt.Sprint(i), v)
		}
	default:
		out[at] = fmt.Sprintf("%T %v", v, v)
	}
	return out
}
