package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/firebreak-ops/firebreak/plugins"
)

// stream is a queue that is a stream.
type stream struct {
	client  *redis.Client
	section section
}

const mostCounted = 100_000

// waiting implements queue. What was delivered to the group does not wait.
func (s *stream) waiting(ctx context.Context) (int, time.Time, error) {
	after, lag, err := s.delivered(ctx)
	if err != nil {
		return 0, time.Time{}, err
	}
	first, err := s.client.XRangeN(ctx, s.section.Stream, after, "+", 1).Result()
	if err != nil || len(first) == 0 {
		return 0, time.Time{}, err
	}
	n := lag
	if s.section.Group == "" {
		n, err = s.client.XLen(ctx, s.section.Stream).Result()
	} else if n <= 0 {
		// After entries were deleted the server does not know it itself, nor
		// does one before Redis 7.
		n, err = countAfter.Run(ctx, s.client, []string{s.section.Stream}, after, mostCounted).Int64()
	}
	return int(n), timeOf(first[0].ID), err
}

var countAfter = redis.NewScript(`return #redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])`)

// delivered returns the beginning of what was not delivered to the group, for
// XRANGE, and how much that is; not positive: not known.
func (s *stream) delivered(ctx context.Context) (after string, lag int64, err error) {
	if s.section.Group == "" {
		return "-", -1, nil
	}
	groups, err := s.client.XInfoGroups(ctx, s.section.Stream).Result()
	if err != nil {
		return "", 0, err
	}
	for _, g := range groups {
		if g.Name == s.section.Group {
			return "(" + g.LastDeliveredID, g.Lag, nil
		}
	}
	return "", 0, plugins.Fail(plugins.NotFound, "stream %s has no consumer group %s", s.section.Stream, s.section.Group)
}

// moveEntries moves entries to another stream, with the id that they had,
// unless they are gone, or were delivered to the group meanwhile.
var moveEntries = redis.NewScript(`
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
	entries, err := s.client.XRangeN(ctx, s.section.Stream, after, last, int64(limit)).Result()
	if err != nil || len(entries) == 0 {
		return 0, false, err
	}
	args := []any{s.section.Group}
	for _, e := range entries {
		args = append(args, e.ID)
	}
	n, err := moveEntries.Run(ctx, s.client, []string{s.section.Stream, s.section.ShedTo}, args...).Int()
	if err != nil {
		return 0, false, fmt.Errorf("moving to %s: %w", s.section.ShedTo, err)
	}
	return n, len(entries) == limit, nil
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
