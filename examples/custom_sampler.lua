-- A sampler of one's own: the second-order Adams-Bashforth method, in a dozen lines of Lua.
--   weft lua examples/custom_sampler.lua [STEPS [FILE]]
-- weft's schedulers say where the steps lie and what the model predicts; the way from step to step
-- is written here.

local steps = tonumber(arg[1]) or 20
local file = arg[2] or "out/custom_sampler.png"

local model = weft.LoadModel{path = "models/sketch"}
local function encode(text)
  return weft.EncodePrompt{tokenizer = model.tokenizer, clip = model.clip, text = text}
end
local scheduler = weft.EulerDiscreteScheduler{config = model.scheduler_config}
local denoiser = weft.Guidance{
  unet = model.unet,
  positive = encode("a red circle left of a blue square"),
  negative = encode(""),
  guidance_scale = 7.5,
}

local times = weft.Timesteps{scheduler = scheduler, num_inference_steps = steps}
local noise = weft.RandomLatent{
  vae = model.vae, generator = weft.Generator{seed = 1}, width = 128, height = 128,
}.noise
local latent = weft.ScaleNoise{scheduler = scheduler, noise = noise, first = times.first}

-- The direction away from the clean picture: d = (latent - clean) / sigma.
local function direction(at, step)
  local scaled = weft.ScaleInput{scheduler = scheduler, latent = at, step = step}
  local predicted = weft.PredictNoise{denoiser = denoiser, latent = scaled, step = step}
  local clean = weft.SchedulerStep{
    scheduler = scheduler, noise = predicted, latent = at, step = step, state = times.state,
  }.original
  return (at - clean) / step.sigma
end

local before
for i, step in scheduler:steps(steps) do
  local d = direction(latent, step)
  local by = (step.next and step.next.sigma or 0) - step.sigma
  -- The first step has nothing behind it, and the last one only goes down to zero.
  if before and step.next then
    latent = latent + (d * 1.5 - before * 0.5) * by
  else
    latent = latent + d * by
  end
  before = d
  print(string.format("step %d of %d: deviation %.3f", i, steps, latent:std()))
end

weft.save(weft.VaeDecode{vae = model.vae, latent = latent}, file)
print(file)
