-- wrk script: each request is a different inquiry from a different address, so neither rate
-- limits nor duplicate detection apply. As from the proxies in deploy/, each comes on a connection
-- of its own: with kept connections, one worker may have accepted all of them.
-- Arguments: "form" or "json", and a number that is unique to the run.

local count, json, seed = 0, false, 0

local fields = {
  { "name", "Ada Example" },
  { "email", "ada@example.com" },
  { "phone", "212-555-0142" },
  { "reply_by", "phone" },
  { "topic", "billing" },
  { "location", "quay" },
}
local text = "Do you take checks, and may my sister bring me and wait? "

function init(args)
  json, seed = args[1] == "json", tonumber(args[2])
end

function request()
  count = count + 1
  local parts = {}
  for _, field in ipairs(fields) do
    parts[#parts + 1] = string.format(json and '"%s":"%s"' or "%s=%s", field[1], field[2])
  end
  local message = string.rep(text, 4) .. seed .. "-" .. count
  parts[#parts + 1] = string.format(json and '"%s":"%s"' or "%s=%s", "message", message)
  local body = table.concat(parts, json and "," or "&")
  return wrk.format("POST", nil, {
    ["Connection"] = "close",
    ["Content-Type"] = json and "application/json" or "application/x-www-form-urlencoded",
    ["X-Forwarded-For"] = string.format("10.%d.%d.%d", seed % 256, count / 256 % 256, count % 256),
  }, json and "{" .. body .. "}" or (body:gsub(" ", "+")))
end
