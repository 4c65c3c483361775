-- Runs graphs and loops over and over and looks at the memory that the process has.
--   weft lua tests/lua/leak_test.lua [RUNS]

local runs = tonumber(arg[1]) or 500

local function resident()
  for line in io.lines("/proc/self/status") do
    local kilobytes = line:match("^VmRSS:%s+(%d+)")
    if kilobytes then return tonumber(kilobytes) end
  end
end

local graph = weft.graph(function()
  local mask = weft.RectangleMask{width = 64, height = 64, left = 0, top = 0, right = 9, bottom = 9}
  local items = weft.LuaFunction{source = "return {1, 2, 3}",
                                 ports = {outputs = {items = {type = "list<int>"}}}}
  local loop = weft.Loop{"loop", over = items, carry = {mask = mask}, body = function(loop)
    return {next = {mask = weft.InvertMask{mask = loop.mask}}}
  end}
  weft.output{"mask", loop.mask}
end)

local function once()
  graph:run(nil, {on_step = function(step) step.carried.mask = step.carried.mask * 0.5 end})
  local x = weft.randn({1, 4, 64, 64}, 1)
  for _ = 1, 10 do x = (x * 2 + 1):roll(3, 1):slice(3, 1, -1) end
  weft.load("txt2img"):params()
  pcall(function() return weft.InvertMask{mask = "x"} end)
  assert(x:mean())
end

-- The least of several looks: what the allocator keeps for later comes and goes.
local function least_over(count)
  local least = math.huge
  for i = 1, count do
    once()
    if i % 25 == 0 then
      collectgarbage()
      least = math.min(least, resident())
    end
  end
  return least
end

least_over(runs)  -- what is kept for good is there after that
local before = least_over(runs)
local grown = least_over(runs) - before
print(string.format("%d runs: at least %d KiB, and %d KiB more in the next", runs, before, grown))
assert(grown < 4096, "memory is lost")
