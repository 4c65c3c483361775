weft.describe{title = "Text to image", schema = "graph.schema.json"}

local prompt = weft.param{
  "prompt",
  type = "text",
  default = "a red circle left of a blue square",
  doc = "What to draw",
}
local seed = weft.param{"seed", type = "int", default = 1, doc = "Same seed, same picture"}
local steps = weft.param{
  "steps",
  type = "int",
  default = 20,
  min = 1,
  doc = "More are slower and finer",
}

local model = weft.LoadModel{"model", path = "models/sketch"}
local positive = weft.EncodePrompt{
  "positive",
  tokenizer = model.tokenizer,
  clip = model.clip,
  text = prompt,
}
local negative = weft.EncodePrompt{
  "negative",
  tokenizer = model.tokenizer,
  clip = model.clip,
  text = "",
}
local scheduler = weft.EulerAncestralDiscreteScheduler{"scheduler", config = model.scheduler_config}
local random = weft.Generator{"random", seed = seed}
local noise = weft.RandomLatent{
  "noise",
  vae = model.vae,
  generator = random,
  width = 128,
  height = 128,
}
local denoise = weft.Denoise{
  "denoise",
  unet = model.unet,
  scheduler = scheduler,
  noise = noise.noise,
  generator = noise.generator,
  positive = positive,
  negative = negative,
  num_inference_steps = steps,
  guidance_scale = 7.5,
}
local image = weft.VaeDecode{"image", vae = model.vae, latent = denoise.latent}

weft.output{"image", image, max_abs = 24, mean_abs = 1}
