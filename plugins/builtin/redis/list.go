package redis

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// list is a queue that is a list.
type list struct {
	client  *redis.Client
	section section
}

func (l *list) fromHead() bool { return l.section.Oldest == "head" }

// oldest returns up to n elements, the oldest first.
func (l *list) oldest(ctx context.Context, n int) ([]string, error) {
	if l.fromHead() {
		return l.client.LRange(ctx, l.section.List, 0, int64(n-1)).Result()
	}
	all, err := l.client.LRange(ctx, l.section.List, int64(-n), -1).Result()
	slices.Reverse(all)
	return all, err
}

func (l *list) waiting(ctx context.Context) (int, time.Time, error) {
	n, err := l.client.LLen(ctx, l.section.List).Result()
	if err != nil || n == 0 {
		return 0, time.Time{}, err
	}
	first, err := l.oldest(ctx, 1)
	if err != nil || len(first) == 0 {
		return int(n), time.Time{}, err
	}
	at, _ := queuedAt(first[0], l.section.Time)
	return int(n), at, nil
}

// moveElements moves elements from an end of a list to another list, each only
// if it still is at that end.
var moveElements = redis.NewScript(`
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
	args := []any{"tail"}
	if l.fromHead() {
		args[0] = "head"
	}
	for _, element := range all {
		at, known := queuedAt(element, l.section.Time)
		if known && at.After(until) || !known && !everything {
			break
		}
		args = append(args, element)
	}
	if len(args) == 1 {
		return 0, false, nil
	}
	// Where a consumer took one meanwhile there may be more behind it.
	n, err := moveElements.Run(ctx, l.client, []string{l.section.List, l.section.ShedTo}, args...).Int()
	return n, err == nil && (n < len(args)-1 || len(args)-1 == len(all)), err
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
