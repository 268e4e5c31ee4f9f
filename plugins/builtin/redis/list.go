package redis

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

// list is a queue that is a list.
type list struct {
	conn    redis.Conn
	section section
}

func (l *list) fromHead() bool { return l.section.Oldest == "head" }

// oldest returns up to n elements, the oldest first.
func (l *list) oldest(ctx context.Context, n int) ([]string, error) {
	if l.fromHead() {
		return redis.Strings(redis.DoContext(l.conn, ctx, "LRANGE", l.section.List, 0, n-1))
	}
	all, err := redis.Strings(redis.DoContext(l.conn, ctx, "LRANGE", l.section.List, -n, -1))
	slices.Reverse(all)
	return all, err
}

func (l *list) waiting(ctx context.Context) (int, time.Time, error) {
	n, err := redis.Int(redis.DoContext(l.conn, ctx, "LLEN", l.section.List))
	if err != nil || n == 0 {
		return 0, time.Time{}, err
	}
	first, err := l.oldest(ctx, 1)
	if err != nil || len(first) == 0 {
		return n, time.Time{}, err
	}
	at, _ := queuedAt(first[0], l.section.Time)
	return n, at, nil
}

// moveElements moves elements from an end of a list to another list, each only
// if it still is at that end.
var moveElements = redis.NewScript(2, `
local index, pop = -1, 'RPOP'
if ARGV[1] == 'head' then index, pop = 0, 'LPOP' end
for i = 2, #ARGV do
  if redis.call('LINDEX', KEYS[1], index) ~= ARGV[i] then return i - 2 end
  redis.call('LPUSH', KEYS[2], ARGV[i])
  redis.call(pop, KEYS[1])
end
return #ARGV - 1`)

// move implements queue. What does not say when it was queued is moved with
// everything, and otherwise stands in the way of what is behind it: it may be
// young.
func (l *list) move(ctx context.Context, until time.Time, everything bool, limit int) (int, bool, error) {
	all, err := l.oldest(ctx, limit)
	if err != nil {
		return 0, false, err
	}
	args := []any{l.section.List, l.section.ShedTo, "tail"}
	if l.fromHead() {
		args[2] = "head"
	}
	none := len(args)
	for _, element := range all {
		at, known := queuedAt(element, l.section.Time)
		if known && at.After(until) || !known && !everything {
			break
		}
		args = append(args, element)
	}
	if len(args) == none {
		return 0, false, nil
	}
	// Where a consumer took one meanwhile there may be more behind it.
	n, err := redis.Int(moveElements.DoContext(ctx, l.conn, args...))
	sent := len(args) - none
	return n, err == nil && (n < sent || sent == len(all)), err
}

// queuedAt reads the time at which an element was queued.
func queuedAt(element, path string) (time.Time, bool) {
	dec := json.NewDecoder(bytes.NewReader([]byte(element)))
	dec.UseNumber()
	var value any
	if dec.Decode(&value) != nil {
		return time.Time{}, false
	}
	for key := range strings.SplitSeq(path, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return time.Time{}, false
		}
		value = object[key]
	}
	switch v := value.(type) {
	case string:
		at, err := time.Parse(time.RFC3339, v)
		return at, err == nil
	case json.Number:
		f, err := v.Float64()
		if err != nil || f <= 0 {
			return time.Time{}, false
		}
		if f > 1e11 { // as seconds that would be the year 5138
			f /= 1000
		}
		return time.UnixMilli(int64(f * 1000)), true
	}
	return time.Time{}, false
}
