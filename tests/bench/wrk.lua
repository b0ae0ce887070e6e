-- Sends prepared requests in turn (one file: lengths in the first line, then the bytes) and
-- prints what came of them as one line of JSON. Each is sent once; the last is repeated.
local requests, turn = {}, 0
local threads = {}

function setup(thread) threads[#threads + 1] = thread end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local lengths = file:read("*l")
  for length in lengths:gmatch("%d+") do
    requests[#requests + 1] = file:read(tonumber(length))
  end
  file:close()
  used, refused = 0, 0
end

function request()
  if turn < #requests then turn = turn + 1 end
  used = turn
  return requests[turn]
end

function response(status)
  if status >= 400 then refused = refused + 1 end
end

function done(summary, latency)
  local used, refused = 0, 0
  for _, thread in ipairs(threads) do
    used = used + thread:get("used")
    refused = refused + thread:get("refused")
  end
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50": %.3f, "p95": %.3f, "used": %d, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(95) / 1e3, used, refused,
    errors.connect + errors.read + errors.write + errors.timeout))
end
