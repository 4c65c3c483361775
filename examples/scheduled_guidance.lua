-- Guidance that changes from step to step: strong while the layout is decided, weak at the end,
-- and a run that stops as soon as the picture stands still.
--   weft lua examples/scheduled_guidance.lua [STEPS [FILE]]

local steps = tonumber(arg[1]) or 20
local file = arg[2] or "out/scheduled_guidance.png"

local function scale_at(share)  -- from 12 down to 2 along a cosine
  return 2 + 10 * (1 + math.cos(math.pi * share)) / 2
end

local previous
local result = weft.run("txt2img", {prompt = "a green star above a red square", steps = steps}, {
  on_step = function(step)
    -- What is set here holds from the next step on.
    local scale = scale_at((step.index + 1) / step.total)
    step:set("guidance_scale", scale)
    local latent = step.carried.latent
    local change = previous and (latent - previous):abs():mean() or math.huge
    previous = latent
    print(string.format("step %d of %d: guidance becomes %.2f, the latent moved by %.4f",
                        step.index + 1, step.total, scale, change))
    if change < 0.01 then
      print("it stands still")
      step:stop()
    end
  end,
})
weft.save(result.image, file)
print(file)
