-- Draws the same pictures in several ways, in turn, and says what each took.
--   weft lua tests/bench/fewer_evaluations.lua MODEL SIZE STEPS ROUNDS VARIANTS PROMPTS OUT
-- VARIANTS: a line each, a name and "key=value" after tabs; a key is an input of Denoise, or
-- "scheduler", "steps", "vae" or "precision" (of the UNet). PROMPTS: a line each. Pictures go to OUT/NAME/<line>.png, as long
-- as OUT is not "-". For every picture it prints name, line, seconds and seconds of processor time, of all
-- steps and of decoding.

local model_path, size, steps = arg[1], tonumber(arg[2]), tonumber(arg[3])
local rounds, variants_path, prompts_path, out = tonumber(arg[4]), arg[5], arg[6], arg[7]

local function parsed(text)
  return tonumber(text) or text
end

local variants = {}
for line in io.lines(variants_path) do
  local variant = {inputs = {}}
  for field in line:gmatch("[^\t]+") do
    local key, value = field:match("^([%w_]+)=(.*)$")
    if key == nil then
      variant.name = field
    elseif key == "scheduler" or key == "steps" or key == "vae" or key == "precision" then
      variant[key] = parsed(value)
    else
      variant.inputs[key] = parsed(value)
    end
  end
  variants[#variants + 1] = variant
end

local model = weft.LoadModel{path = model_path}
local parts = {unet = model.unet, vae = model.vae, tokenizer = model.tokenizer, clip = model.clip}
local config = model.scheduler_config
for _, variant in ipairs(variants) do
  variant.unet = variant.precision
    and weft.LoadModel{path = model_path, precision = variant.precision}.unet or parts.unet
  variant.decoder = variant.vae and weft.LoadVae{path = variant.vae} or parts.vae
  variant.walker = weft[variant.scheduler or "EulerAncestralDiscreteScheduler"]{config = config}
end
local function encode(text)
  return weft.EncodePrompt{tokenizer = parts.tokenizer, clip = parts.clip, text = text}
end
local negative = encode("")

local function draw(variant, positive, seed)
  local drawn = weft.RandomLatent{
    vae = parts.vae, generator = weft.Generator{seed = seed}, width = size, height = size,
  }
  local inputs = {
    unet = variant.unet, scheduler = variant.walker, noise = drawn.noise,
    generator = drawn.generator, positive = positive, negative = negative,
    num_inference_steps = variant.steps or steps, guidance_scale = 7.5,
  }
  for key, value in pairs(variant.inputs) do inputs[key] = value end
  local began, cpu = weft.clock(), os.clock()
  local latent = weft.Denoise(inputs).latent
  local picture = weft.VaeDecode{vae = variant.decoder, latent = latent}
  return picture, weft.clock() - began, os.clock() - cpu
end

local line = 0
for prompt in io.lines(prompts_path) do
  line = line + 1
  local positive = encode(prompt)
  for number, variant in ipairs(variants) do  -- packs the weights
    if line == 1 and (number == 1 or variant.precision) then draw(variant, positive, line) end
  end
  for _ = 1, rounds do
    for _, variant in ipairs(variants) do
      local picture, seconds, cpu = draw(variant, positive, line)
      if out ~= "-" then
        weft.save(picture, string.format("%s/%s/%03d.png", out, variant.name, line))
      end
      print(string.format("%s\t%d\t%.4f\t%.4f", variant.name, line, seconds, cpu))
      io.stdout:flush()
    end
  end
end
