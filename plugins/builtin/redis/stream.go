package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/firebreak-ops/firebreak/plugins"
)

// stream is a queue that is a stream.
type stream struct {
	conn    redis.Conn
	section section
}

const mostCounted = 100_000

// waiting implements queue. What was delivered to the group does not wait.
func (s *stream) waiting(ctx context.Context) (int, time.Time, error) {
	after, lag, err := s.delivered(ctx)
	if err != nil {
		return 0, time.Time{}, err
	}
	first, err := s.ids(ctx, after, "+", 1)
	if err != nil || len(first) == 0 {
		return 0, time.Time{}, err
	}
	n := lag
	if s.section.Group == "" {
		n, err = redis.Int(redis.DoContext(s.conn, ctx, "XLEN", s.section.Stream))
	} else if n <= 0 {
		// After entries were deleted the server does not know it itself, nor
		// does one before Redis 7.
		n, err = redis.Int(countAfter.DoContext(ctx, s.conn, s.section.Stream, after, mostCounted))
	}
	return n, timeOf(first[0]), err
}

// ids are those of the first entries of a range, up to a limit.
func (s *stream) ids(ctx context.Context, from, to string, limit int) ([]string, error) {
	entries, err := redis.Values(redis.DoContext(s.conn, ctx, "XRANGE", s.section.Stream, from, to, "COUNT", limit))
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(entries))
	for i, e := range entries {
		entry, err := redis.Values(e, nil)
		if err == nil {
			_, err = redis.Scan(entry, &ids[i]) // its fields are left out
		}
		if err != nil {
			return nil, fmt.Errorf("an entry of %s is not as Redis gives them: %w", s.section.Stream, err)
		}
	}
	return ids, nil
}

var countAfter = redis.NewScript(1, `return #redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])`)

// delivered returns the beginning of what was not delivered to the group, for
// XRANGE, and how much that is; not positive: not known.
func (s *stream) delivered(ctx context.Context) (after string, lag int, err error) {
	if s.section.Group == "" {
		return "-", -1, nil
	}
	groups, err := redis.Values(redis.DoContext(s.conn, ctx, "XINFO", "GROUPS", s.section.Stream))
	if err != nil {
		return "", 0, err
	}
	for _, one := range groups {
		fields, err := redis.Values(one, nil)
		if err != nil {
			return "", 0, err
		}
		var g struct {
			Name string `redis:"name"`
			Last string `redis:"last-delivered-id"`
			Lag  int    `redis:"lag"`
		}
		if err := redis.ScanStruct(fields, &g); err != nil {
			return "", 0, err
		}
		if g.Name == s.section.Group {
			return "(" + g.Last, g.Lag, nil
		}
	}
	return "", 0, plugins.Fail(plugins.NotFound, "stream %s has no consumer group %s", s.section.Stream, s.section.Group)
}

// moveEntries moves entries to another stream, with the id that they had,
// unless they are gone, or were delivered to the group meanwhile.
var moveEntries = redis.NewScript(2, `
local function parts(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  return tonumber(ms), tonumber(seq)
end
local lastMs, lastSeq = -1, 0
if ARGV[1] ~= '' then
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local group = {}
    for i = 1, #info, 2 do group[info[i]] = info[i + 1] end
    if group['name'] == ARGV[1] then lastMs, lastSeq = parts(group['last-delivered-id']) end
  end
end
local moved = 0
for i = 2, #ARGV do
  local ms, seq = parts(ARGV[i])
  local entry = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1]
  if entry and (ms > lastMs or ms == lastMs and seq > lastSeq) then
    redis.call('XADD', KEYS[2], '*', 'shed_id', ARGV[i], unpack(entry[2]))
    redis.call('XDEL', KEYS[1], ARGV[i])
    moved = moved + 1
  end
end
return moved`)

// move implements queue.
func (s *stream) move(ctx context.Context, until time.Time, _ bool, limit int) (int, bool, error) {
	after, _, err := s.delivered(ctx)
	if err != nil {
		return 0, false, err
	}
	last := strconv.FormatInt(until.UnixMilli(), 10)
	ids, err := s.ids(ctx, after, last, limit)
	if err != nil || len(ids) == 0 {
		return 0, false, err
	}
	args := []any{s.section.Stream, s.section.ShedTo, s.section.Group}
	for _, id := range ids {
		args = append(args, id)
	}
	n, err := redis.Int(moveEntries.DoContext(ctx, s.conn, args...))
	if err != nil {
		return 0, false, fmt.Errorf("moving to %s: %w", s.section.ShedTo, err)
	}
	return n, len(ids) == limit, nil
}

// timeOf is when an entry was added, as its id says unless its producer made
// that up.
func timeOf(id string) time.Time {
	text, _, _ := strings.Cut(id, "-")
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
