-- What a denoising loop written in Lua costs over the same loop in a graph file.
--   weft lua tests/bench/lua_loop.lua [PAIRS [STEPS]]
-- Both draw a whole picture with the sketch model, in turn; it prints the median of the ratios.

local pairs_wanted = tonumber(arg[1]) or 21
local steps = tonumber(arg[2]) or 50
local prompt = "a red circle left of a blue square"

local graph = weft.load("txt2img")

local function by_graph()
  return graph:run{prompt = prompt, seed = 1, steps = steps}.image
end

local function by_hand()
  local model = weft.LoadModel{path = "models/sketch"}
  local function encode(text)
    return weft.EncodePrompt{tokenizer = model.tokenizer, clip = model.clip, text = text}
  end
  local scheduler = weft.EulerAncestralDiscreteScheduler{config = model.scheduler_config}
  local drawn = weft.RandomLatent{
    vae = model.vae, generator = weft.Generator{seed = 1}, width = 128, height = 128,
  }
  local times = weft.Timesteps{scheduler = scheduler, num_inference_steps = steps}
  local latent = weft.ScaleNoise{scheduler = scheduler, noise = drawn.noise, first = times.first}
  local guide = weft.Guidance{
    unet = model.unet, positive = encode(prompt), negative = encode(""), guidance_scale = 7.5,
  }
  local state, generator = times.state, drawn.generator
  for _, step in scheduler:steps(steps) do
    local scaled = weft.ScaleInput{scheduler = scheduler, latent = latent, step = step}
    local noise = weft.PredictNoise{denoiser = guide, latent = scaled, step = step}
    local moved = weft.SchedulerStep{
      scheduler = scheduler, noise = noise, latent = latent, step = step, state = state,
      generator = generator,
    }
    latent, state, generator = moved.latent, moved.state, moved.generator
  end
  return weft.VaeDecode{vae = model.vae, latent = latent}
end

local function timed(work)
  local began, cpu = weft.clock(), os.clock()
  work()
  return weft.clock() - began, os.clock() - cpu
end

local function median(values)
  table.sort(values)
  return (values[(#values + 1) // 2] + values[#values // 2 + 1]) / 2
end

local model = weft.LoadModel{path = "models/sketch"}
local keep = {model.unet, model.vae, model.clip}  -- so that both find the weights in memory
assert((by_hand() - by_graph()):abs():max() == 0, "not the same picture")
local graphs, hands, ratios, cpu_ratios = {}, {}, {}, {}
for pair = 1, pairs_wanted do
  local drawn, hand, drawn_cpu, hand_cpu
  if pair % 2 == 0 then
    hand, hand_cpu = timed(by_hand)
    drawn, drawn_cpu = timed(by_graph)
  else
    drawn, drawn_cpu = timed(by_graph)
    hand, hand_cpu = timed(by_hand)
  end
  cpu_ratios[pair] = hand_cpu / drawn_cpu
  graphs[pair], hands[pair], ratios[pair] = drawn, hand, hand / drawn
end
print(string.format(
  "%d pairs of %d steps: graph file %.1f ms, Lua loop %.1f ms, median of the ratios %.4f "
    .. "(of processor time: %.4f)",
  pairs_wanted, steps, median(graphs) * 1e3, median(hands) * 1e3, median(ratios),
  median(cpu_ratios)))
