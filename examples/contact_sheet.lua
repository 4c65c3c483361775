-- Prompts, schedulers and guidance scales against each other, on one sheet.
--   weft lua examples/contact_sheet.lua [STEPS [FILE]]
-- A row for each prompt and scheduler; to the right the guidance grows.

local steps = tonumber(arg[1]) or 10
local file = arg[2] or "out/contact_sheet.png"

local prompts = {
  "a red circle left of a blue square",
  "a small yellow star above a large purple heart",
}
local schedulers = {"EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler"}
local scales = {1, 4, 8}

local model = weft.LoadModel{path = "models/sketch"}

-- The same graph for all; the scheduler is one of its values, as the prompt is.
local graph = weft.graph(function()
  local prompt = weft.param{"prompt", type = "text"}
  local scheduler = weft.param{"scheduler", type = "scheduler"}
  local scale = weft.param{"guidance_scale", like = "denoise.guidance_scale"}
  local part = weft.LoadModel{"model", path = "models/sketch"}
  local noise = weft.RandomLatent{
    "noise", vae = part.vae, generator = weft.Generator{"random", seed = 1}, width = 128, height = 128,
  }
  local denoised = weft.Denoise{
    "denoise",
    unet = part.unet,
    scheduler = scheduler,
    noise = noise.noise,
    generator = noise.generator,
    positive = weft.EncodePrompt{tokenizer = part.tokenizer, clip = part.clip, text = prompt},
    negative = weft.EncodePrompt{tokenizer = part.tokenizer, clip = part.clip, text = ""},
    guidance_scale = scale,
    num_inference_steps = steps,
  }
  weft.output{"image", weft.VaeDecode{"image", vae = part.vae, latent = denoised.latent}}
end)

local rows = {}
for _, prompt in ipairs(prompts) do
  for _, name in ipairs(schedulers) do
    local scheduler = weft[name]{config = model.scheduler_config}
    local row = {}
    for _, scale in ipairs(scales) do
      row[#row + 1] = graph:run{
        prompt = prompt, scheduler = scheduler, guidance_scale = scale,
      }.image
      print(string.format("%s, %s, %g", prompt, name, scale))
    end
    rows[#rows + 1] = weft.concat(row, 3)
  end
end
weft.save(weft.concat(rows, 2), file)
print(file)
