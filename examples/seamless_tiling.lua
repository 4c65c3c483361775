-- A picture whose edges meet: the latent is rolled between the steps, so that the network never
-- sees the same edge twice.
--   weft lua examples/seamless_tiling.lua [STEPS [FILE]]
-- Writes the tile and, beside it, four of them put together.

local steps = tonumber(arg[1]) or 20
local file = arg[2] or "out/seamless_tiling.png"

local graph = weft.graph(function()
  local model = weft.LoadModel{"model", path = "models/sketch"}
  local noise = weft.RandomLatent{
    "noise", vae = model.vae, generator = weft.Generator{seed = 3}, width = 128, height = 128,
  }
  local denoised = weft.Denoise{
    "denoise",
    unet = model.unet,
    scheduler = weft.EulerAncestralDiscreteScheduler{config = model.scheduler_config},
    noise = noise.noise,
    generator = noise.generator,
    positive = weft.EncodePrompt{
      tokenizer = model.tokenizer, clip = model.clip, text = "a red circle left of a blue square",
    },
    negative = weft.EncodePrompt{tokenizer = model.tokenizer, clip = model.clip, text = ""},
    num_inference_steps = steps,
    guidance_scale = 3,
  }
  weft.output{"latent", denoised.latent}
end)

local latent = graph:run(nil, {
  on_step = function(step)
    -- Any shift does, as long as it is another one each time.
    local rolled = step.carried.latent
    step.carried.latent = rolled:roll(3, 1):roll(4, 2)
  end,
}).latent

-- The decoder does not know that the edges meet, so it is shown what lies beyond them.
local margin = 4
local function wrapped(t, dim)
  local first = t:slice(dim, 1, margin)
  local last = t:slice(dim, -margin, -1)
  return weft.concat({last, t, first}, dim)
end
local model = weft.LoadModel{path = "models/sketch"}
local picture = weft.VaeDecode{vae = model.vae, latent = wrapped(wrapped(latent, 3), 4)}
local pixels = margin * picture.shape[2] // (latent.shape[3] + 2 * margin)
local tile = picture:slice(2, pixels + 1, -pixels - 1):slice(3, pixels + 1, -pixels - 1)

weft.save(tile, file)
local row = weft.concat({tile, tile}, 3)
local sheet = file:gsub("%.(%w+)$", "_sheet.%1")
weft.save(weft.concat({row, row}, 2), sheet)
print(file)
print(sheet)
