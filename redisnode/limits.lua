-- Takes units of one subject, or refuses them, in a sliding window. It is the
-- counter of access/window.go, in microseconds, on the clock of Redis.
--
-- KEYS[1]  the counter: "start newest previous current"
-- ARGV     window, limit, units (0 or 1), then what the node knows of the
--          subject: start, newest, previous, current
-- Answers  admitted (0 or 1), now, start, newest, previous, current

local window, limit, units = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local most = 9007199254740992 -- 2^53: no number here may be larger

local function align(t) return t - math.fmod(t, window) end

-- advance brings a counter to now.
local function advance(c)
  c.start, c.newest = math.min(c.start, now), math.min(c.newest, now)
  local passed = now - c.start
  if passed >= 2 * window then
    c.start, c.previous, c.current = align(now), 0, 0
  elseif passed >= window then
    c.start, c.previous, c.current = c.start + window, c.current, 0
  end
  if c.current == 0 and now - c.newest >= window then c.previous = 0 end
  return c
end

local function counter(start, newest, previous, current)
  start, newest, previous, current = tonumber(start), tonumber(newest), tonumber(previous), tonumber(current)
  if not (start and newest and previous and current) or math.max(start, newest, previous, current) > most then return nil end
  return advance({start = start, newest = newest, previous = previous, current = current})
end

local stored = redis.call('GET', KEYS[1])
local c = stored and counter(string.match(stored, '^(%d+) (%d+) (%d+) (%d+)$'))
local known = counter(ARGV[4], ARGV[5], ARGV[6], ARGV[7])

-- Units are never taken back, so the higher count is the newer one.
local write = false
if known and known.previous + known.current > 0 then
  if not c then
    c, write = known, true
  elseif known.previous > c.previous or known.current > c.current then
    c.previous, c.current = math.max(c.previous, known.previous), math.max(c.current, known.current)
    c.newest, write = math.max(c.newest, known.newest), true
  end
end
c = c or {start = align(now), newest = now, previous = 0, current = 0}

local used = c.current + math.ceil(c.previous * (c.start + window - now) / window)
local admitted = units > 0 and used < limit
if admitted then
  c.current, c.newest, write = c.current + units, now, true
end
if write then
  redis.call('SET', KEYS[1], string.format('%.0f %.0f %.0f %.0f', c.start, c.newest, c.previous, c.current),
    'PX', string.format('%.0f', math.ceil(2 * window / 1000) + 1000))
end
return {admitted and 1 or 0, now, c.start, c.newest, c.previous, c.current}
