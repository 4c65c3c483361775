-- From one prompt to another: frames whose conditionings lie between the two.
--   weft lua examples/prompt_animation.lua [STEPS [FRAMES [FOLDER]]]
-- Writes numbered frames and all of them side by side.

local steps = tonumber(arg[1]) or 20
local frames = tonumber(arg[2]) or 8
local folder = arg[3] or "out/prompt_animation"

local model = weft.LoadModel{path = "models/sketch"}
local function encode(text)
  return weft.EncodePrompt{tokenizer = model.tokenizer, clip = model.clip, text = text}
end
-- A conditioning holds tensors; between tensors there are others.
local function between(a, b, weight)
  local tokens = weft.ConditioningTensors{conditioning = a}.tokens
  local others = weft.ConditioningTensors{conditioning = b}.tokens
  return weft.MakeConditioning{tokens = tokens:lerp(others, weight)}
end

local first = encode("a red circle left of a blue square")
local last = encode("a yellow star left of a green square")
local negative = encode("")
local scheduler = weft.DDIMScheduler{config = model.scheduler_config}
-- The same noise for all frames: only the prompt moves.
local start = weft.RandomLatent{
  vae = model.vae, generator = weft.Generator{seed = 4}, width = 128, height = 128,
}

local pictures = {}
for frame = 1, frames do
  local weight = (frame - 1) / math.max(frames - 1, 1)
  local latent = weft.Denoise{
    unet = model.unet,
    scheduler = scheduler,
    noise = start.noise,
    generator = start.generator,
    positive = between(first, last, weight),
    negative = negative,
    num_inference_steps = steps,
  }.latent
  pictures[frame] = weft.VaeDecode{vae = model.vae, latent = latent}
  weft.save(pictures[frame], string.format("%s/frame_%03d.png", folder, frame))
  print(string.format("frame %d of %d", frame, frames))
end
weft.save(weft.concat(pictures, 3), folder .. "/strip.png")
print(folder .. "/strip.png")
