---@meta weft

-- Written by `weft lua --definitions` from the contracts of the nodes.

---@class weft.null Nothing, where nil would leave a gap.

---@class weft.wire A value of a graph that is being written.
---@field [string] weft.wire

---@class weft.tensor
---@field shape integer[]
---@field dtype "f32"|"bf16"|"f16"|"u8"|"i32"|"i64"
---@field [integer] weft.tensor|number
---@operator add(weft.tensor|number): weft.tensor
---@operator sub(weft.tensor|number): weft.tensor
---@operator mul(weft.tensor|number): weft.tensor
---@operator div(weft.tensor|number): weft.tensor
---@operator pow(weft.tensor|number): weft.tensor
---@operator unm: weft.tensor
---@operator len: integer
local tensor = {}
---@param other weft.tensor|number
---@return weft.tensor 1 where less, else 0
function tensor:lt(other) end
---@param other weft.tensor|number
---@return weft.tensor
function tensor:le(other) end
---@param other weft.tensor|number
---@return weft.tensor
function tensor:gt(other) end
---@param other weft.tensor|number
---@return weft.tensor
function tensor:ge(other) end
---@param other weft.tensor|number
---@return weft.tensor
function tensor:eq(other) end
---@param other weft.tensor|number
---@return weft.tensor
function tensor:minimum(other) end
---@param other weft.tensor|number
---@return weft.tensor
function tensor:maximum(other) end
---@return weft.tensor
function tensor:abs() end
---@return weft.tensor
function tensor:sqrt() end
---@return weft.tensor
function tensor:exp() end
---@return weft.tensor
function tensor:log() end
---@param low number?
---@param high number?
---@return weft.tensor
function tensor:clamp(low, high) end
---@param other weft.tensor|number
---@param weight number 0: this, 1: the other
---@return weft.tensor
function tensor:lerp(other, weight) end
---@param dim integer? without it a number
---@return weft.tensor|number
function tensor:sum(dim) end
---@param dim integer?
---@return weft.tensor|number
function tensor:mean(dim) end
---@param dim integer?
---@return weft.tensor|number
function tensor:min(dim) end
---@param dim integer?
---@return weft.tensor|number
function tensor:max(dim) end
---@param dim integer?
---@return weft.tensor|number divides by n - 1
function tensor:std(dim) end
---@param dim integer from 1, or from -1 at the end
---@param first integer from 1, or from -1 at the end
---@param last integer? included
---@return weft.tensor
function tensor:slice(dim, first, last) end
---@param shape integer[] -1 once: what is left
---@return weft.tensor
function tensor:reshape(shape) end
---@param order integer[]
---@return weft.tensor
function tensor:permute(order) end
---@param a integer
---@param b integer
---@return weft.tensor
function tensor:transpose(a, b) end
---@param dim integer
---@param shift integer
---@return weft.tensor
function tensor:roll(dim, shift) end
---@param dtype string
---@return weft.tensor
function tensor:to(dtype) end
---@return table
function tensor:totable() end
---@return number
function tensor:item() end

---@class weft.step One call of the model in a run.
---@field index integer
---@field timestep number
---@field sigma number
---@field next weft.step?

---@class weft.round What on_step is given.
---@field loop string the loop's path
---@field index integer from 0
---@field total integer 0 where nobody knows
---@field carried table<string, any> what the next round begins with; may be written
---@field collected table<string, any>
local round = {}
---@param input string "node.input", or "input" for every input of that name
---@param value any
function round:set(input, value) end
function round:stop() end

---@class weft.run_options
---@field out string? the folder for what nodes write
---@field precision "auto"|"f32"|"bf16"|nil
---@field memory string? the most that the process may take, such as "4G", or "low"
---@field allow_outside_paths boolean?
---@field set table<string, any>? inputs of nodes, by "node.input"
---@field on_progress fun(node: string, done: integer, total: integer)?
---@field on_step fun(step: weft.round)?
---@field on_preview fun(image: weft.tensor, index: integer, node: string)?
---@field on_notice fun(text: string, node: string)?

---@class weft.param_info
---@field name string
---@field type string
---@field doc string
---@field default any
---@field min number?
---@field max number?
---@field choices string[]?

---@class weft.graph
local graph = {}
---@param params table<string, any>?
---@param options weft.run_options?
---@return table<string, any> outputs by name
function graph:run(params, options) end
---@param params table<string, any>?
---@param options weft.run_options?
---@return boolean
function graph:check(params, options) end
---@return weft.param_info[]
function graph:params() end
---@return string
function graph:json() end
---@return string
function graph:lua() end
---@return string
function graph:svg() end

---@class weft
---@field null weft.null
weft = {}

---@param value any
---@return string
function weft.type(value) end
---@param values table numbers, or tables of them
---@return weft.tensor
function weft.tensor(values) end
---@param shape integer[]
---@return weft.tensor
function weft.zeros(shape) end
---@param shape integer[]
---@param value number
---@return weft.tensor
function weft.full(shape, value) end
---@param shape integer[]
---@param generator weft.generator|integer
---@return weft.tensor, weft.generator
function weft.randn(shape, generator) end
---@param tensors weft.tensor[]
---@param dim integer?
---@return weft.tensor
function weft.concat(tensors, dim) end

---@class weft.description
---@field title string?
---@field doc string?
---@field schema string?
---@param description weft.description
function weft.describe(description) end

---@class weft.param_definition
---@field [1] string the param's name
---@field type string?
---@field like string? "node.input": type, default, range and doc from there
---@field default any
---@field min number?
---@field max number?
---@field choices string[]?
---@field doc string?
---@param param weft.param_definition
---@return weft.wire
function weft.param(param) end

---@class weft.output_definition
---@field [1] string the output's name
---@field [2] weft.wire
---@field [string] number bounds for `weft test`
---@param output weft.output_definition
function weft.output(output) end
---@param name string
---@param write fun()
function weft.composite(name, write) end

---@class weft.loop_definition
---@field [1] string? an id
---@field over weft.wire?
---@field carry table<string, any>?
---@field while string? the carried bool that keeps it going
---@field max_rounds integer|weft.wire|nil
---@field body fun(loop: weft.wire): {next: table<string, weft.wire>?, collect: table<string, weft.wire>?}
---@param loop weft.loop_definition
---@return weft.wire
function weft.Loop(loop) end

---@class weft.if_definition
---@field [1] string? an id
---@field condition boolean|weft.wire
---@field then fun(): table<string, weft.wire>
---@field else fun(): table<string, weft.wire>
---@param definition weft.if_definition
---@return weft.wire
function weft.If(definition) end

---@param path string a graph file, or the name of an installed graph
---@return weft.graph
function weft.load(path) end
---@param write fun()
---@return weft.graph
function weft.graph(write) end
---@param graph weft.graph|string
---@param params table<string, any>?
---@param options weft.run_options?
---@return table<string, any> outputs by name
function weft.run(graph, params, options) end
---@param value weft.tensor|weft.tensor[]
---@param path string .png, .jpg, .webp, .safetensors or .npy
---@return string[] paths
function weft.save(value, path) end

---@return number seconds since some moment
function weft.clock() end

---@class weft.options
---@field out string?
---@field precision "auto"|"f32"|"bf16"|nil
---@field memory string? the most that the process may take, such as "4G", or "low"
---@field threads integer?
---@field allow_outside_paths boolean?
---@param options weft.options
function weft.options(options) end

---@class weft.clip
---@class weft.conditioning
---@class weft.config
---@class weft.deep_features
---@class weft.denoiser
---@class weft.embedding
---@class weft.generator
---@class weft.image: weft.tensor
---@class weft.latent: weft.tensor
---@class weft.lora
---@class weft.mask: weft.tensor
---@class weft.prompt
---@class weft.scheduler
local scheduler = {}
---@param num_inference_steps integer?
---@param strength number?
---@return fun(): integer, weft.step
function scheduler:steps(num_inference_steps, strength) end
---@class weft.state
---@class weft.tokenizer
---@class weft.tokens
---@class weft.unet
---@class weft.vae

---@class weft.AddNoise.inputs
---@field [1] string? an id
---@field scheduler weft.scheduler|weft.wire The scheduler.
---@field latent weft.latent|weft.wire A clean latent.
---@field noise weft.latent|weft.wire Normally distributed noise.
---@field step? weft.step|weft.wire How much: as much as this step expects. Without one (the next of the last step) the latent stays clean.
---A latent with the noise of a step: alpha latent + sigma noise.
---@param inputs weft.AddNoise.inputs
---@return weft.latent
function weft.AddNoise(inputs) end

---@class weft.ApplyLora.inputs
---@field [1] string? an id
---@field lora weft.lora|weft.wire From LoadLora.
---@field unet? weft.unet|weft.wire The denoiser.
---@field clip? weft.clip|weft.wire The text encoder.
---@field clip_2? weft.clip|weft.wire SDXL's second text encoder.
---@field weight? number|weft.wire How much of it the UNet gets; 0: none, may be negative. (default 1.0)
---@field clip_weight? number|weft.wire How much the text encoders get; as weight if not given.
---@field mode? "merged"|"live"|weft.wire merged: summed into the weights when they are packed, as fast as without. live: computed beside the weights, which are packed once for all LoRAs; for switching. (default "merged")
---@class weft.ApplyLora.outputs
---@field unet weft.unet The denoiser with the LoRA.
---@field clip weft.clip The text encoder with it.
---@field clip_2 weft.clip The second one with it.
---A model's networks with a LoRA on their weights; several chain, and their weights add up.
---@param inputs weft.ApplyLora.inputs
---@return weft.ApplyLora.outputs
function weft.ApplyLora(inputs) end

---@class weft.ApplyPrompt.inputs
---@field [1] string? an id
---@field conditioning weft.conditioning|weft.wire The tokens of the prompt, encoded, before any other change.
---@field prompt weft.prompt|weft.wire From TokenizePrompt; of a plain text it changes nothing.
---Gives encoded texts what the syntax of their prompt says: weights of tokens and of texts, and the steps in which each text holds.
---@param inputs weft.ApplyPrompt.inputs
---@return weft.conditioning
function weft.ApplyPrompt(inputs) end

---@class weft.ApplyTextualInversion.inputs
---@field [1] string? an id
---@field embedding weft.embedding|weft.wire From LoadEmbedding.
---@field tokenizer? weft.tokenizer|weft.wire Of the model.
---@field clip? weft.clip|weft.wire Of the model.
---@field tokenizer_2? weft.tokenizer|weft.wire SDXL's.
---@field clip_2? weft.clip|weft.wire SDXL's.
---@field token? string|weft.wire What stands for it in prompts; empty: the name in the file, or the file's own. (default "")
---@class weft.ApplyTextualInversion.outputs
---@field tokenizer weft.tokenizer With the token.
---@field clip weft.clip With its rows.
---@field tokenizer_2 weft.tokenizer With the token.
---@field clip_2 weft.clip With its rows.
---Teaches a tokenizer and its text encoder a learned word; one of several vectors takes as many tokens in a prompt.
---@param inputs weft.ApplyTextualInversion.inputs
---@return weft.ApplyTextualInversion.outputs
function weft.ApplyTextualInversion(inputs) end

---@class weft.AverageConditionings.inputs
---@field [1] string? an id
---@field first weft.conditioning|weft.wire Of one entry; its sizes, steps and area stay.
---@field second weft.conditioning|weft.wire Of one entry.
---@field share? number|weft.wire Of the second. (default 0.5)
---What lies between two conditionings: (1 - share) · first + share · second, of hidden states and pooled text; the shorter one is followed by zeros.
---@param inputs weft.AverageConditionings.inputs
---@return weft.conditioning
function weft.AverageConditionings(inputs) end

---@class weft.BlurMask.inputs
---@field [1] string? an id
---@field mask weft.mask|weft.wire the mask
---@field sigma? number|weft.wire the deviation in pixels; 0 leaves the mask as it is (default 4.0)
---A mask with soft edges: a Gaussian blur.
---@param inputs weft.BlurMask.inputs
---@return weft.mask
function weft.BlurMask(inputs) end

---@class weft.ClassConditioning.inputs
---@field [1] string? an id
---@field conditioning weft.conditioning|weft.wire Of the text.
---@field class_label integer|weft.wire Which class, from 0.
---A class for UNets that embed one beside the time: of the x4 upscaler the noise_level of the small picture.
---@param inputs weft.ClassConditioning.inputs
---@return weft.conditioning
function weft.ClassConditioning(inputs) end

---@class weft.ClipEncode.inputs
---@field [1] string? an id
---@field clip weft.clip|weft.wire The text encoder.
---@field tokens weft.tokens|weft.wire From Tokenize; longer texts in chunks of the encoder's length, each encoded by itself.
---@field clip_skip? integer|weft.wire How many of the last layers to leave out. (default 0)
---@field penultimate? boolean|weft.wire What goes into the last layer, without the final norm, as SDXL's UNets want it of both encoders; clip_skip counts from there. (default false)
---The hidden states of CLIP's text encoder: final_norm(layers[: n - clip_skip](tokens)).
---@param inputs weft.ClipEncode.inputs
---@return weft.conditioning
function weft.ClipEncode(inputs) end

---@class weft.CombineConditionings.inputs
---@field [1] string? an id
---@field conditionings weft.conditioning[]|weft.conditioning|weft.wire What holds together: a AND b, or one for each area.
---Several conditionings as one, which guidance follows all at once: negative + guidance_scale · Σ weight · (positive - negative).
---@param inputs weft.CombineConditionings.inputs
---@return weft.conditioning
function weft.CombineConditionings(inputs) end

---@class weft.ConditioningArea.inputs
---@field [1] string? an id
---@field conditioning weft.conditioning|weft.wire What to draw.
---@field mask weft.mask|weft.wire Where, from RectangleMask or a picture; any size. Soft edges blend; where several areas overlap, they share the place.
---A conditioning that holds for the masked part of the picture alone.
---@param inputs weft.ConditioningArea.inputs
---@return weft.conditioning
function weft.ConditioningArea(inputs) end

---@class weft.ConditioningRange.inputs
---@field [1] string? an id
---@field conditioning weft.conditioning|weft.wire What to draw.
---@field first? number|weft.wire The share of the steps that is done when it begins to hold. (default 0.0)
---@field last? number|weft.wire The share of the steps that is done when it no longer holds. (default 1.0)
---A conditioning that holds in a part of the steps: from step first · num_inference_steps to before last · num_inference_steps, rounded down.
---@param inputs weft.ConditioningRange.inputs
---@return weft.conditioning
function weft.ConditioningRange(inputs) end

---@class weft.ConditioningTensors.inputs
---@field [1] string? an id
---@field conditioning weft.conditioning|weft.wire From a text encoder; of one entry.
---@class weft.ConditioningTensors.outputs
---@field tokens weft.tensor [batch, tokens, width] f32.
---@field pooled weft.tensor [batch, width] f32; nothing where there is none.
---The hidden states in a conditioning: what MakeConditioning takes.
---@param inputs weft.ConditioningTensors.inputs
---@return weft.ConditioningTensors.outputs
function weft.ConditioningTensors(inputs) end

---@class weft.ConditioningWeight.inputs
---@field [1] string? an id
---@field conditioning weft.conditioning|weft.wire What to draw.
---@field weight? number|weft.wire A factor on the weights it has: 1 changes nothing; less than 0 keeps away from it. (default 1.0)
---How much a conditioning counts beside those that CombineConditionings joins it to.
---@param inputs weft.ConditioningWeight.inputs
---@return weft.conditioning
function weft.ConditioningWeight(inputs) end

---@class weft.CropImage.inputs
---@field [1] string? an id
---@field image weft.image|weft.wire the picture; each of a batch
---@field left? integer|weft.wire the window's first column (default 0)
---@field top? integer|weft.wire the window's first row (default 0)
---@field width? integer|weft.wire in pixels; 0 goes on to the edge (default 0)
---@field height? integer|weft.wire in pixels; 0 goes on to the edge (default 0)
---A window of a picture.
---@param inputs weft.CropImage.inputs
---@return weft.image
function weft.CropImage(inputs) end

---@class weft.DDIMInverseScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.0001.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.02.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field clip_sample? boolean|weft.wire Keep the predicted clean latent within a range. If neither the graph nor the config says: true.
---@field set_alpha_to_one? boolean|weft.wire The last step leads to no noise at all instead of that of the first training step. If neither the graph nor the config says: true.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field clip_sample_range? number|weft.wire That range: ± this. If neither the graph nor the config says: 1.
---@field timestep_spacing? "leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: leading.
---@field rescale_betas_zero_snr? boolean|weft.wire Rescale the variances so that the last step is pure noise (arXiv 2305.08891). If neither the graph nor the config says: false.
---DDIM run backwards: from a picture's latent to its noise.
---@param inputs weft.DDIMInverseScheduler.inputs
---@return weft.scheduler
function weft.DDIMInverseScheduler(inputs) end

---@class weft.DDIMScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.0001.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.02.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field clip_sample? boolean|weft.wire Keep the predicted clean latent within a range. If neither the graph nor the config says: true.
---@field set_alpha_to_one? boolean|weft.wire The last step leads to no noise at all instead of that of the first training step. If neither the graph nor the config says: true.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field thresholding? boolean|weft.wire Dynamic thresholding of the predicted clean latent (arXiv 2205.11487); for models that work on pixels. If neither the graph nor the config says: false.
---@field dynamic_thresholding_ratio? number|weft.wire The quantile of magnitudes that thresholding scales to one. If neither the graph nor the config says: 0.995.
---@field clip_sample_range? number|weft.wire That range: ± this. If neither the graph nor the config says: 1.
---@field sample_max_value? number|weft.wire The most that thresholding scales by. If neither the graph nor the config says: 1.
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: leading.
---@field rescale_betas_zero_snr? boolean|weft.wire Rescale the variances so that the last step is pure noise (arXiv 2305.08891). If neither the graph nor the config says: false.
---@field eta? number|weft.wire How much noise each step adds: 0 none, 1 as much as DDPM. If neither the graph nor the config says: 0.
---@field use_clipped_model_output? boolean|weft.wire Work the noise out again from the clipped prediction. If neither the graph nor the config says: false.
---DDIM: x' = sqrt(a') clean + sqrt(1 - a' - s^2) noise + s fresh noise.
---@param inputs weft.DDIMScheduler.inputs
---@return weft.scheduler
function weft.DDIMScheduler(inputs) end

---@class weft.DDPMScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.0001.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.02.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field variance_type? "fixed_small"|"fixed_small_log"|"fixed_large"|"fixed_large_log"|"learned"|"learned_range"|weft.wire The variance of the noise that DDPM adds at each step; learned ones come from the model as a second half of its channels. If neither the graph nor the config says: fixed_small.
---@field clip_sample? boolean|weft.wire Keep the predicted clean latent within a range. If neither the graph nor the config says: true.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field thresholding? boolean|weft.wire Dynamic thresholding of the predicted clean latent (arXiv 2205.11487); for models that work on pixels. If neither the graph nor the config says: false.
---@field dynamic_thresholding_ratio? number|weft.wire The quantile of magnitudes that thresholding scales to one. If neither the graph nor the config says: 0.995.
---@field clip_sample_range? number|weft.wire That range: ± this. If neither the graph nor the config says: 1.
---@field sample_max_value? number|weft.wire The most that thresholding scales by. If neither the graph nor the config says: 1.
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: leading.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---@field rescale_betas_zero_snr? boolean|weft.wire Rescale the variances so that the last step is pure noise (arXiv 2305.08891). If neither the graph nor the config says: false.
---DDPM: the mean of clean and x at the lower noise level, and fresh noise.
---@param inputs weft.DDPMScheduler.inputs
---@return weft.scheduler
function weft.DDPMScheduler(inputs) end

---@class weft.DEISMultistepScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.0001.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.02.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|"flow_prediction"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field thresholding? boolean|weft.wire Dynamic thresholding of the predicted clean latent (arXiv 2205.11487); for models that work on pixels. If neither the graph nor the config says: false.
---@field dynamic_thresholding_ratio? number|weft.wire The quantile of magnitudes that thresholding scales to one. If neither the graph nor the config says: 0.995.
---@field sample_max_value? number|weft.wire The most that thresholding scales by. If neither the graph nor the config says: 1.
---@field lower_order_final? boolean|weft.wire Lower orders in the last steps of a short run. If neither the graph nor the config says: true.
---@field use_karras_sigmas? boolean|weft.wire Space the noise levels after Karras et al. (arXiv 2206.00364, eq. 5). If neither the graph nor the config says: false.
---@field use_exponential_sigmas? boolean|weft.wire Space the noise levels evenly in their logarithm. If neither the graph nor the config says: false.
---@field use_beta_sigmas? boolean|weft.wire Space the noise levels by a beta distribution (arXiv 2407.12173). If neither the graph nor the config says: false.
---@field use_flow_sigmas? boolean|weft.wire The model was trained on straight flows: x = (1 - sigma) clean + sigma noise. If neither the graph nor the config says: false.
---@field flow_shift? number|weft.wire Moves a flow's noise levels up. If neither the graph nor the config says: 1.
---@field solver_order? integer|weft.wire Order of the solver: 2 for guided sampling, 3 for unguided. If neither the graph nor the config says: 2.
---@field algorithm_type? "deis"|"dpmsolver"|"dpmsolver++"|weft.wire Solves for the noise (dpmsolver) or the clean latent (dpmsolver++), as an ODE or with noise added (sde). If neither the graph nor the config says: deis.
---@field solver_type? "midpoint"|"heun"|"logrho"|"bh1"|"bh2"|weft.wire The kind of second-order step. If neither the graph nor the config says: logrho.
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: linspace.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---DEIS: an exponential integrator with polynomials in the logarithm of the noise.
---@param inputs weft.DEISMultistepScheduler.inputs
---@return weft.scheduler
function weft.DEISMultistepScheduler(inputs) end

---@class weft.DPMSolverMultistepScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.0001.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.02.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|"flow_prediction"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field thresholding? boolean|weft.wire Dynamic thresholding of the predicted clean latent (arXiv 2205.11487); for models that work on pixels. If neither the graph nor the config says: false.
---@field dynamic_thresholding_ratio? number|weft.wire The quantile of magnitudes that thresholding scales to one. If neither the graph nor the config says: 0.995.
---@field sample_max_value? number|weft.wire The most that thresholding scales by. If neither the graph nor the config says: 1.
---@field lower_order_final? boolean|weft.wire Lower orders in the last steps of a short run. If neither the graph nor the config says: true.
---@field use_karras_sigmas? boolean|weft.wire Space the noise levels after Karras et al. (arXiv 2206.00364, eq. 5). If neither the graph nor the config says: false.
---@field use_exponential_sigmas? boolean|weft.wire Space the noise levels evenly in their logarithm. If neither the graph nor the config says: false.
---@field use_beta_sigmas? boolean|weft.wire Space the noise levels by a beta distribution (arXiv 2407.12173). If neither the graph nor the config says: false.
---@field use_flow_sigmas? boolean|weft.wire The model was trained on straight flows: x = (1 - sigma) clean + sigma noise. If neither the graph nor the config says: false.
---@field flow_shift? number|weft.wire Moves a flow's noise levels up. If neither the graph nor the config says: 1.
---@field solver_order? integer|weft.wire Order of the solver: 2 for guided sampling, 3 for unguided. If neither the graph nor the config says: 2.
---@field algorithm_type? "dpmsolver"|"dpmsolver++"|"sde-dpmsolver"|"sde-dpmsolver++"|"deis"|weft.wire Solves for the noise (dpmsolver) or the clean latent (dpmsolver++), as an ODE or with noise added (sde). If neither the graph nor the config says: dpmsolver++.
---@field solver_type? "midpoint"|"heun"|"logrho"|"bh1"|"bh2"|weft.wire The kind of second-order step. If neither the graph nor the config says: midpoint.
---@field euler_at_final? boolean|weft.wire Order 1 in the last step. If neither the graph nor the config says: false.
---@field use_lu_lambdas? boolean|weft.wire Space the noise levels evenly in log SNR (Lu et al., arXiv 2206.00927). If neither the graph nor the config says: false.
---@field final_sigmas_type? "zero"|"sigma_min"|weft.wire The noise level after the last step: none, or that of the first training step. If neither the graph nor the config says: zero.
---@field lambda_min_clipped? number|weft.wire Skip timesteps whose log SNR is below this; not set: none. For cosine schedules, -5.1. If neither the graph nor the config says: not set.
---@field variance_type? "fixed_small"|"fixed_small_log"|"fixed_large"|"fixed_large_log"|"learned"|"learned_range"|weft.wire The variance of the noise that DDPM adds at each step; learned ones come from the model as a second half of its channels. If neither the graph nor the config says: .
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: linspace.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---@field rescale_betas_zero_snr? boolean|weft.wire Rescale the variances so that the last step is pure noise (arXiv 2305.08891). If neither the graph nor the config says: false.
---DPM-Solver(++), multistep, as an ODE or an SDE.
---@param inputs weft.DPMSolverMultistepScheduler.inputs
---@return weft.scheduler
function weft.DPMSolverMultistepScheduler(inputs) end

---@class weft.DPMSolverSDEScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.00085.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.012.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field prediction_type? "epsilon"|"v_prediction"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field use_karras_sigmas? boolean|weft.wire Space the noise levels after Karras et al. (arXiv 2206.00364, eq. 5). If neither the graph nor the config says: false.
---@field use_exponential_sigmas? boolean|weft.wire Space the noise levels evenly in their logarithm. If neither the graph nor the config says: false.
---@field use_beta_sigmas? boolean|weft.wire Space the noise levels by a beta distribution (arXiv 2407.12173). If neither the graph nor the config says: false.
---@field noise_sampler_seed? integer|weft.wire Seed of the Brownian tree that the noise comes from; not set: one drawn from the generator. If neither the graph nor the config says: not set.
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: linspace.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---@field s_noise? number|weft.wire Its strength. If neither the graph nor the config says: 1.
---DPM-Solver++ for the SDE, noise from a Brownian tree: two calls of the model a step.
---@param inputs weft.DPMSolverSDEScheduler.inputs
---@return weft.scheduler
function weft.DPMSolverSDEScheduler(inputs) end

---@class weft.DPMSolverSinglestepScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.0001.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.02.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|"flow_prediction"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field thresholding? boolean|weft.wire Dynamic thresholding of the predicted clean latent (arXiv 2205.11487); for models that work on pixels. If neither the graph nor the config says: false.
---@field dynamic_thresholding_ratio? number|weft.wire The quantile of magnitudes that thresholding scales to one. If neither the graph nor the config says: 0.995.
---@field sample_max_value? number|weft.wire The most that thresholding scales by. If neither the graph nor the config says: 1.
---@field lower_order_final? boolean|weft.wire Lower orders in the last steps of a short run. If neither the graph nor the config says: false.
---@field use_karras_sigmas? boolean|weft.wire Space the noise levels after Karras et al. (arXiv 2206.00364, eq. 5). If neither the graph nor the config says: false.
---@field use_exponential_sigmas? boolean|weft.wire Space the noise levels evenly in their logarithm. If neither the graph nor the config says: false.
---@field use_beta_sigmas? boolean|weft.wire Space the noise levels by a beta distribution (arXiv 2407.12173). If neither the graph nor the config says: false.
---@field use_flow_sigmas? boolean|weft.wire The model was trained on straight flows: x = (1 - sigma) clean + sigma noise. If neither the graph nor the config says: false.
---@field flow_shift? number|weft.wire Moves a flow's noise levels up. If neither the graph nor the config says: 1.
---@field solver_order? integer|weft.wire Order of the solver: 2 for guided sampling, 3 for unguided. If neither the graph nor the config says: 2.
---@field algorithm_type? "dpmsolver"|"dpmsolver++"|"sde-dpmsolver++"|"deis"|weft.wire Solves for the noise (dpmsolver) or the clean latent (dpmsolver++), as an ODE or with noise added (sde). If neither the graph nor the config says: dpmsolver++.
---@field solver_type? "midpoint"|"heun"|"logrho"|"bh1"|"bh2"|weft.wire The kind of second-order step. If neither the graph nor the config says: midpoint.
---@field final_sigmas_type? "zero"|"sigma_min"|weft.wire The noise level after the last step: none, or that of the first training step. If neither the graph nor the config says: zero.
---@field lambda_min_clipped? number|weft.wire Skip timesteps whose log SNR is below this; not set: none. For cosine schedules, -5.1. If neither the graph nor the config says: not set.
---@field variance_type? "fixed_small"|"fixed_small_log"|"fixed_large"|"fixed_large_log"|"learned"|"learned_range"|weft.wire The variance of the noise that DDPM adds at each step; learned ones come from the model as a second half of its channels. If neither the graph nor the config says: .
---DPM-Solver(++), singlestep, as an ODE or an SDE.
---@param inputs weft.DPMSolverSinglestepScheduler.inputs
---@return weft.scheduler
function weft.DPMSolverSinglestepScheduler(inputs) end

---@class weft.DepthChannels.inputs
---@field [1] string? an id
---@field depth weft.image|weft.wire A depth map, near is bright (as MiDaS and DPT give it). Of one channel, or the mean of three; f32 in any range.
---@field latent weft.latent|weft.wire The latent whose size to take.
---A depth map as a depth UNet takes it: at the latent's size, stretched to -1..1.
---@param inputs weft.DepthChannels.inputs
---@return weft.latent
function weft.DepthChannels(inputs) end

---@class weft.EDMDPMSolverMultistepScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field sigma_min? number|weft.wire The lowest noise level of a Karras, exponential or beta spacing. If neither the graph nor the config says: 0.002.
---@field sigma_max? number|weft.wire The highest one. If neither the graph nor the config says: 80.
---@field sigma_data? number|weft.wire Standard deviation of clean latents. If neither the graph nor the config says: 0.5.
---@field sigma_schedule? "karras"|"exponential"|weft.wire Space the noise levels after Karras et al. or evenly in their logarithm. If neither the graph nor the config says: karras.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field prediction_type? "epsilon"|"v_prediction"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field rho? number|weft.wire The exponent of the Karras spacing. If neither the graph nor the config says: 7.
---@field final_sigmas_type? "zero"|"sigma_min"|weft.wire The noise level after the last step: none, or that of the first training step. If neither the graph nor the config says: zero.
---@field solver_order? integer|weft.wire Order of the solver: 2 for guided sampling, 3 for unguided. If neither the graph nor the config says: 2.
---@field thresholding? boolean|weft.wire Dynamic thresholding of the predicted clean latent (arXiv 2205.11487); for models that work on pixels. If neither the graph nor the config says: false.
---@field dynamic_thresholding_ratio? number|weft.wire The quantile of magnitudes that thresholding scales to one. If neither the graph nor the config says: 0.995.
---@field sample_max_value? number|weft.wire The most that thresholding scales by. If neither the graph nor the config says: 1.
---@field algorithm_type? "dpmsolver++"|"sde-dpmsolver++"|"deis"|weft.wire Solves for the noise (dpmsolver) or the clean latent (dpmsolver++), as an ODE or with noise added (sde). If neither the graph nor the config says: dpmsolver++.
---@field solver_type? "midpoint"|"heun"|"logrho"|"bh1"|"bh2"|weft.wire The kind of second-order step. If neither the graph nor the config says: midpoint.
---@field lower_order_final? boolean|weft.wire Lower orders in the last steps of a short run. If neither the graph nor the config says: true.
---@field euler_at_final? boolean|weft.wire Order 1 in the last step. If neither the graph nor the config says: false.
---DPM-Solver++, multistep, for models with EDM preconditioning.
---@param inputs weft.EDMDPMSolverMultistepScheduler.inputs
---@return weft.scheduler
function weft.EDMDPMSolverMultistepScheduler(inputs) end

---@class weft.EDMEulerScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field sigma_min? number|weft.wire The lowest noise level of a Karras, exponential or beta spacing. If neither the graph nor the config says: 0.002.
---@field sigma_max? number|weft.wire The highest one. If neither the graph nor the config says: 80.
---@field sigma_data? number|weft.wire Standard deviation of clean latents. If neither the graph nor the config says: 0.5.
---@field sigma_schedule? "karras"|"exponential"|weft.wire Space the noise levels after Karras et al. or evenly in their logarithm. If neither the graph nor the config says: karras.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field prediction_type? "epsilon"|"v_prediction"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field rho? number|weft.wire The exponent of the Karras spacing. If neither the graph nor the config says: 7.
---@field final_sigmas_type? "zero"|"sigma_min"|weft.wire The noise level after the last step: none, or that of the first training step. If neither the graph nor the config says: zero.
---@field s_churn? number|weft.wire Noise added before each step (arXiv 2206.00364, algorithm 2); 0: none. If neither the graph nor the config says: 0.
---@field s_tmin? number|weft.wire The lowest noise level that gets some. If neither the graph nor the config says: 0.
---@field s_tmax? number|weft.wire The highest one; not set: all. If neither the graph nor the config says: not set.
---@field s_noise? number|weft.wire Its strength. If neither the graph nor the config says: 1.
---Euler's method for models with EDM preconditioning.
---@param inputs weft.EDMEulerScheduler.inputs
---@return weft.scheduler
function weft.EDMEulerScheduler(inputs) end

---@class weft.EulerAncestralDiscreteScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.0001.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.02.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: linspace.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---@field rescale_betas_zero_snr? boolean|weft.wire Rescale the variances so that the last step is pure noise (arXiv 2305.08891). If neither the graph nor the config says: false.
---Euler's method with fresh noise at each step.
---@param inputs weft.EulerAncestralDiscreteScheduler.inputs
---@return weft.scheduler
function weft.EulerAncestralDiscreteScheduler(inputs) end

---@class weft.EulerDiscreteScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.0001.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.02.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field interpolation_type? "linear"|"log_linear"|weft.wire Noise levels from the timesteps, or evenly spaced in their logarithm. If neither the graph nor the config says: linear.
---@field use_karras_sigmas? boolean|weft.wire Space the noise levels after Karras et al. (arXiv 2206.00364, eq. 5). If neither the graph nor the config says: false.
---@field use_exponential_sigmas? boolean|weft.wire Space the noise levels evenly in their logarithm. If neither the graph nor the config says: false.
---@field use_beta_sigmas? boolean|weft.wire Space the noise levels by a beta distribution (arXiv 2407.12173). If neither the graph nor the config says: false.
---@field sigma_min? number|weft.wire The lowest noise level of a Karras, exponential or beta spacing. If neither the graph nor the config says: not set.
---@field sigma_max? number|weft.wire The highest one. If neither the graph nor the config says: not set.
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: linspace.
---@field timestep_type? "discrete"|"continuous"|weft.wire continuous: a v model is told 0.25 ln(sigma) in place of the timestep. If neither the graph nor the config says: discrete.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---@field rescale_betas_zero_snr? boolean|weft.wire Rescale the variances so that the last step is pure noise (arXiv 2305.08891). If neither the graph nor the config says: false.
---@field final_sigmas_type? "zero"|"sigma_min"|weft.wire The noise level after the last step: none, or that of the first training step. If neither the graph nor the config says: zero.
---@field s_churn? number|weft.wire Noise added before each step (arXiv 2206.00364, algorithm 2); 0: none. If neither the graph nor the config says: 0.
---@field s_tmin? number|weft.wire The lowest noise level that gets some. If neither the graph nor the config says: 0.
---@field s_tmax? number|weft.wire The highest one; not set: all. If neither the graph nor the config says: not set.
---@field s_noise? number|weft.wire Its strength. If neither the graph nor the config says: 1.
---Euler's method: x' = x + (sigma' - sigma) (x - clean) / sigma.
---@param inputs weft.EulerDiscreteScheduler.inputs
---@return weft.scheduler
function weft.EulerDiscreteScheduler(inputs) end

---@class weft.Generator.inputs
---@field [1] string? an id
---@field seed integer|weft.wire Same seed, same numbers (its low 32 bits).
---A stream of random numbers; nodes that draw give it on.
---@param inputs weft.Generator.inputs
---@return weft.generator
function weft.Generator(inputs) end

---@class weft.GrowMask.inputs
---@field [1] string? an id
---@field mask weft.mask|weft.wire the mask
---@field pixels? integer|weft.wire how far it grows to each side; negative shrinks it (default 8)
---A mask that reaches some pixels further, or less far: the maximum (minimum) over a square.
---@param inputs weft.GrowMask.inputs
---@return weft.mask
function weft.GrowMask(inputs) end

---@class weft.Guidance.inputs
---@field [1] string? an id
---@field unet weft.unet|weft.wire The network.
---@field positive weft.conditioning|weft.wire What to draw.
---@field negative? weft.conditioning|weft.wire What to keep away from: the unconditional pass. Without it there is one pass, and no guidance.
---@field guidance_scale? number|weft.wire How hard to push from negative to positive; 1 and less: not at all, in half the time. (default 7.5)
---@field guidance_rescale? number|weft.wire How far the contrast that guidance adds is taken back, to that of the positive pass: against washed-out pictures of networks trained with zero terminal SNR (0.7 there). (default 0.0)
---@field guidance_start? number|weft.wire The share of the steps that is done when guidance begins; before, there is the positive pass alone, in half the time. (default 0.0)
---@field guidance_stop? number|weft.wire The share of the steps that is done when guidance ends. (default 1.0)
---Binds a UNet to what it is to draw: noise = negative + guidance_scale · Σ weight · (positive - negative), over the entries that hold in a step. Computes the texts' keys and values once.
---@param inputs weft.Guidance.inputs
---@return weft.denoiser
function weft.Guidance(inputs) end

---@class weft.HeunDiscreteScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.00085.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.012.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field use_karras_sigmas? boolean|weft.wire Space the noise levels after Karras et al. (arXiv 2206.00364, eq. 5). If neither the graph nor the config says: false.
---@field use_exponential_sigmas? boolean|weft.wire Space the noise levels evenly in their logarithm. If neither the graph nor the config says: false.
---@field use_beta_sigmas? boolean|weft.wire Space the noise levels by a beta distribution (arXiv 2407.12173). If neither the graph nor the config says: false.
---@field clip_sample? boolean|weft.wire Keep the predicted clean latent within a range. If neither the graph nor the config says: false.
---@field clip_sample_range? number|weft.wire That range: ± this. If neither the graph nor the config says: 1.
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: linspace.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---Heun's method of second order: two calls of the model a step.
---@param inputs weft.HeunDiscreteScheduler.inputs
---@return weft.scheduler
function weft.HeunDiscreteScheduler(inputs) end

---@class weft.IPNDMScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---Pseudo linear multistep for v models with times in 0..1 (audio); for images see the sampler ipndm of SamplerScheduler.
---@param inputs weft.IPNDMScheduler.inputs
---@return weft.scheduler
function weft.IPNDMScheduler(inputs) end

---@class weft.ImageStrip.inputs
---@field [1] string? an id
---@field images weft.image[]|weft.image|weft.wire what to show, in this order; batches one by one
---@field columns? integer|weft.wire pictures in a row; 0 puts all into one (default 0)
---@field gap? integer|weft.wire white pixels between pictures (default 4)
---Pictures side by side in one: a strip, or a sheet of several rows.
---@param inputs weft.ImageStrip.inputs
---@return weft.image
function weft.ImageStrip(inputs) end

---@class weft.ImageToLatent.inputs
---@field [1] string? an id
---@field image weft.image|weft.wire The picture.
---A picture itself as a latent in -1..1, without an autoencoder: for networks that work on pixels.
---@param inputs weft.ImageToLatent.inputs
---@return weft.latent
function weft.ImageToLatent(inputs) end

---@class weft.ImageToMask.inputs
---@field [1] string? an id
---@field image weft.image|weft.wire the picture; white is painted
---@field channel? "luma"|"red"|"green"|"blue"|"alpha"|weft.wire what is looked at; luma is 0.299 R + 0.587 G + 0.114 B (default "luma")
---@field threshold? number|weft.wire 1 above it, 0 up to it; -1 keeps the grey values (default 0.5)
---A picture as a mask: 1 where its brightness, or one channel, is above a threshold.
---@param inputs weft.ImageToMask.inputs
---@return weft.mask
function weft.ImageToMask(inputs) end

---@class weft.InpaintChannels.inputs
---@field [1] string? an id
---@field mask weft.mask|weft.wire What is painted; sized to the latent.
---@field latent weft.latent|weft.wire The masked picture (MaskImage), encoded (VaeEncode).
---Mask and masked picture as a 9-channel inpainting UNet takes them.
---@param inputs weft.InpaintChannels.inputs
---@return weft.latent
function weft.InpaintChannels(inputs) end

---@class weft.InstructPix2PixGuidance.inputs
---@field [1] string? an id
---@field unet weft.unet|weft.wire The network.
---@field positive weft.conditioning|weft.wire What to change.
---@field negative weft.conditioning|weft.wire What to keep away from.
---@field guidance_scale? number|weft.wire How closely to follow the instruction; 1 and less: one pass and no guidance. (default 7.5)
---@field image_guidance_scale? number|weft.wire How closely to keep to the picture; less than 1: one pass and no guidance. (default 1.5)
---Binds a UNet that edits a picture: noise = u + image_guidance_scale · (i - u) + guidance_scale · Σ weight · (c - i), of the passes without picture and instruction, with the picture, and with both.
---@param inputs weft.InstructPix2PixGuidance.inputs
---@return weft.denoiser
function weft.InstructPix2PixGuidance(inputs) end

---@class weft.InvertMask.inputs
---@field [1] string? an id
---@field mask weft.mask|weft.wire the mask
---A mask that paints what another keeps: 1 - mask.
---@param inputs weft.InvertMask.inputs
---@return weft.mask
function weft.InvertMask(inputs) end

---@class weft.JoinConditioning.inputs
---@field [1] string? an id
---@field conditioning weft.conditioning|weft.wire Of the first encoder.
---@field conditioning_2 weft.conditioning|weft.wire Of the second. Texts that hold in the same steps stand side by side; where one has fewer texts or tokens than the other, its last text, or chunk, stands there again.
---What two text encoders say of one prompt, side by side, as SDXL's UNets are told it.
---@param inputs weft.JoinConditioning.inputs
---@return weft.conditioning
function weft.JoinConditioning(inputs) end

---@class weft.KDPM2AncestralDiscreteScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.00085.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.012.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field use_karras_sigmas? boolean|weft.wire Space the noise levels after Karras et al. (arXiv 2206.00364, eq. 5). If neither the graph nor the config says: false.
---@field use_exponential_sigmas? boolean|weft.wire Space the noise levels evenly in their logarithm. If neither the graph nor the config says: false.
---@field use_beta_sigmas? boolean|weft.wire Space the noise levels by a beta distribution (arXiv 2407.12173). If neither the graph nor the config says: false.
---@field prediction_type? "epsilon"|"v_prediction"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: linspace.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---The midpoint method (DPM2) with fresh noise at each step: two calls of the model.
---@param inputs weft.KDPM2AncestralDiscreteScheduler.inputs
---@return weft.scheduler
function weft.KDPM2AncestralDiscreteScheduler(inputs) end

---@class weft.KDPM2DiscreteScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.00085.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.012.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field use_karras_sigmas? boolean|weft.wire Space the noise levels after Karras et al. (arXiv 2206.00364, eq. 5). If neither the graph nor the config says: false.
---@field use_exponential_sigmas? boolean|weft.wire Space the noise levels evenly in their logarithm. If neither the graph nor the config says: false.
---@field use_beta_sigmas? boolean|weft.wire Space the noise levels by a beta distribution (arXiv 2407.12173). If neither the graph nor the config says: false.
---@field prediction_type? "epsilon"|"v_prediction"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: linspace.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---The midpoint method (DPM2): two calls of the model a step.
---@param inputs weft.KDPM2DiscreteScheduler.inputs
---@return weft.scheduler
function weft.KDPM2DiscreteScheduler(inputs) end

---@class weft.LCMScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.00085.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.012.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: scaled_linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field original_inference_steps? integer|weft.wire Steps of the schedule that the model was distilled with. If neither the graph nor the config says: 50.
---@field clip_sample? boolean|weft.wire Keep the predicted clean latent within a range. If neither the graph nor the config says: false.
---@field clip_sample_range? number|weft.wire That range: ± this. If neither the graph nor the config says: 1.
---@field set_alpha_to_one? boolean|weft.wire The last step leads to no noise at all instead of that of the first training step. If neither the graph nor the config says: true.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field thresholding? boolean|weft.wire Dynamic thresholding of the predicted clean latent (arXiv 2205.11487); for models that work on pixels. If neither the graph nor the config says: false.
---@field dynamic_thresholding_ratio? number|weft.wire The quantile of magnitudes that thresholding scales to one. If neither the graph nor the config says: 0.995.
---@field sample_max_value? number|weft.wire The most that thresholding scales by. If neither the graph nor the config says: 1.
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: linspace.
---@field timestep_scaling? number|weft.wire Sharpness of the boundary condition at timestep 0. If neither the graph nor the config says: 10.
---@field rescale_betas_zero_snr? boolean|weft.wire Rescale the variances so that the last step is pure noise (arXiv 2305.08891). If neither the graph nor the config says: false.
---Latent consistency: jump to a clean latent, and add noise for the next jump.
---@param inputs weft.LCMScheduler.inputs
---@return weft.scheduler
function weft.LCMScheduler(inputs) end

---@class weft.LMSDiscreteScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.0001.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.02.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field use_karras_sigmas? boolean|weft.wire Space the noise levels after Karras et al. (arXiv 2206.00364, eq. 5). If neither the graph nor the config says: false.
---@field use_exponential_sigmas? boolean|weft.wire Space the noise levels evenly in their logarithm. If neither the graph nor the config says: false.
---@field use_beta_sigmas? boolean|weft.wire Space the noise levels by a beta distribution (arXiv 2407.12173). If neither the graph nor the config says: false.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: linspace.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---@field order? integer|weft.wire Past derivatives that a step looks back on. If neither the graph nor the config says: 4.
---Linear multistep: the derivatives of the last steps, each with its weight.
---@param inputs weft.LMSDiscreteScheduler.inputs
---@return weft.scheduler
function weft.LMSDiscreteScheduler(inputs) end

---@class weft.LatentToImage.inputs
---@field [1] string? an id
---@field latent weft.latent|weft.wire Of a network that works on pixels.
---A latent that is a picture itself, in -1..1, as a picture: what ImageToLatent makes, back.
---@param inputs weft.LatentToImage.inputs
---@return weft.image
function weft.LatentToImage(inputs) end

---@class weft.LoadClip.inputs
---@field [1] string? an id
---@field path string|weft.wire A text encoder's file or folder, or a whole model; relative to the graph, then along WEFT_MODELS.
---@field encoder? "text_encoder"|"text_encoder_2"|weft.wire Which one it is: SDXL's second takes other padding. (default "text_encoder")
---@field precision? "auto"|"f32"|"bf16"|weft.wire What the networks compute in; auto: as the run says. (default "auto")
---@class weft.LoadClip.outputs
---@field clip weft.clip The text encoder.
---@field tokenizer weft.tokenizer The folder's, or CLIP's for a file.
---A CLIP text encoder, from a file or folder of its own or from a whole model, and its tokenizer.
---@param inputs weft.LoadClip.inputs
---@return weft.LoadClip.outputs
function weft.LoadClip(inputs) end

---@class weft.LoadEmbedding.inputs
---@field [1] string? an id
---@field path string|weft.wire An embedding, .pt or .safetensors; relative to the graph, then along WEFT_MODELS.
---A learned word (textual inversion) from its file.
---@param inputs weft.LoadEmbedding.inputs
---@return weft.embedding
function weft.LoadEmbedding(inputs) end

---@class weft.LoadImage.inputs
---@field [1] string? an id
---@field path string|weft.wire a PNG, JPEG or WebP file; relative to the graph's folder
---@class weft.LoadImage.outputs
---@field image weft.image [1, h, w, 3] u8
---@field mask weft.mask [1, h, w, 1] f32: 1 - alpha; all 0 where the file has no alpha
---A picture from a file, and its mask: 1 - alpha.
---@param inputs weft.LoadImage.inputs
---@return weft.LoadImage.outputs
function weft.LoadImage(inputs) end

---@class weft.LoadLora.inputs
---@field [1] string? an id
---@field path string|weft.wire A file of kohya, diffusers or PEFT, or a folder that PEFT or diffusers has saved; relative to the graph, then along WEFT_MODELS.
---@field part? "auto"|"unet"|"clip"|"clip_2"|weft.wire Which network a file of PEFT is for, which does not say so itself; auto: as the names of its modules look. (default "auto")
---A file of adapters: LoRA, LoCon, LoHa, LoKr or DoRA, in the dialects of kohya, diffusers and PEFT.
---@param inputs weft.LoadLora.inputs
---@return weft.lora
function weft.LoadLora(inputs) end

---@class weft.LoadModel.inputs
---@field [1] string? an id
---@field path string|weft.wire A folder as diffusers writes it, a single-file checkpoint (.safetensors, .ckpt, .gguf) or the name of either; relative to the graph, then along WEFT_MODELS.
---@field precision? "auto"|"f32"|"bf16"|"int8"|weft.wire What the networks compute in; auto: as the run says. int8: the UNet in 8 bits, with the file that `weft quantize` has put beside its weights; all else as the run says. (default "auto")
---@field prediction_type? "auto"|"epsilon"|"v_prediction"|"sample"|weft.wire What the UNet predicts, where the model does not say it or says it wrongly: SD 2's files of 512 and of 768 pixels have the same tensors. (default "auto")
---@field int8_start? number|weft.wire The share of the steps that is done when those in 8 bits begin, in place of what the file says. Steps that are not in 8 bits need the weights a second time.
---@field int8_stop? number|weft.wire The share of the steps that is done when those in 8 bits end.
---@class weft.LoadModel.outputs
---@field tokenizer weft.tokenizer From tokenizer/; CLIP's for a file.
---@field clip weft.clip The text encoder.
---@field tokenizer_2 weft.tokenizer SDXL's second, from tokenizer_2/; CLIP's for a file.
---@field clip_2 weft.clip SDXL's second text encoder.
---@field unet weft.unet The denoiser.
---@field vae weft.vae The autoencoder.
---@field scheduler_config weft.config From scheduler/; built in for a file's family.
---@field low_res_scheduler_config weft.config An x4 upscaler's, of the small picture: from low_res_scheduler/.
---The parts of a model: a diffusers folder, or a single file whose family its tensors tell. Opening reads no weights: a part's weights are read when it first computes.
---@param inputs weft.LoadModel.inputs
---@return weft.LoadModel.outputs
function weft.LoadModel(inputs) end

---@class weft.LoadTensor.inputs
---@field [1] string? an id
---@field path string|weft.wire a .safetensors, .safetensors.zst or .npy file; relative to the graph's folder
---@field name? string|weft.wire of the tensor; without it "value", or the only one there is
---@field as? "tensor"|"tokens"|"conditioning"|"latent"|"image"|weft.wire what it becomes: tokens [b, n] i32; conditioning [b, n, width] f32, with the tensor "pooled" beside it; latent [b, c, h, w] f32; image [b, h, w, c] u8 or f32 (default "tensor")
---Numbers from a .safetensors(.zst) or .npy file, as the kind of value they are to be.
---@param inputs weft.LoadTensor.inputs
---@return any
function weft.LoadTensor(inputs) end

---@class weft.LoadUnet.inputs
---@field [1] string? an id
---@field path string|weft.wire A UNet's file or folder, or a whole model; relative to the graph, then along WEFT_MODELS.
---@field precision? "auto"|"f32"|"bf16"|"int8"|weft.wire What the networks compute in; auto: as the run says. int8: the UNet in 8 bits, with the file that `weft quantize` has put beside its weights; all else as the run says. (default "auto")
---@field prediction_type? "auto"|"epsilon"|"v_prediction"|"sample"|weft.wire What the UNet predicts, where the model does not say it or says it wrongly: SD 2's files of 512 and of 768 pixels have the same tensors. (default "auto")
---@field int8_start? number|weft.wire The share of the steps that is done when those in 8 bits begin, in place of what the file says. Steps that are not in 8 bits need the weights a second time.
---@field int8_stop? number|weft.wire The share of the steps that is done when those in 8 bits end.
---@class weft.LoadUnet.outputs
---@field unet weft.unet The denoiser.
---@field scheduler_config weft.config From scheduler/; built in for a file's family.
---A UNet, from a file or folder of its own or from a whole model.
---@param inputs weft.LoadUnet.inputs
---@return weft.LoadUnet.outputs
function weft.LoadUnet(inputs) end

---@class weft.LoadVae.inputs
---@field [1] string? an id
---@field path string|weft.wire An autoencoder's file or folder, or a whole model; relative to the graph, then along WEFT_MODELS.
---@field scaling_factor? number|weft.wire What latents are multiplied by; 0: as the model says. The file of an autoencoder alone cannot say: it counts as 0.18215 (SD 1 and 2); SDXL's have 0.13025. (default 0.0)
---@field precision? "auto"|"f32"|"bf16"|weft.wire What the networks compute in; auto: as the run says. (default "auto")
---An autoencoder, from a file or folder of its own or from a whole model.
---@param inputs weft.LoadVae.inputs
---@return weft.vae
function weft.LoadVae(inputs) end

---@class weft.LuaFunction.inputs
---@field [1] string? an id
---@field source? string|weft.wire The script.
---@field file? string|weft.wire A file with the script, relative to the graph's folder.
---@field instructions? integer|weft.wire How many it may take before it is stopped. (default 50000000)
---@field ports {inputs: table?, outputs: table?}? ports of its own
---@field [string] any
---A script in Lua as a node: its declared inputs are globals, and it returns its declared outputs.
---@param inputs weft.LuaFunction.inputs
---@return any
function weft.LuaFunction(inputs) end

---@class weft.MakeConditioning.inputs
---@field [1] string? an id
---@field tokens weft.tensor|weft.wire [batch, tokens, width]: the text encoder's hidden states.
---@field pooled? weft.tensor|weft.wire [batch, width]: the pooled output, where there is one.
---A conditioning from the hidden states of a text encoder, such as the embeddings of a diffusers pipeline.
---@param inputs weft.MakeConditioning.inputs
---@return weft.conditioning
function weft.MakeConditioning(inputs) end

---@class weft.MaskBlend.inputs
---@field [1] string? an id
---@field background any latents [b, c, h, w] or pictures [b, h, w, c]
---@field foreground any the same kind and size
---@field mask weft.mask|weft.wire resized to them; 1 shows the foreground
---@field resize? "nearest"|"area"|"bilinear"|weft.wire how the mask is resized: nearest as diffusers does, area by the share that is painted, bilinear softly (default "nearest")
---@field layout? "auto"|"latent"|"image"|weft.wire what is blended; auto goes by type, channels and proportions (default "auto")
---The background where the mask is 0, the foreground where it is 1: background · (1 - mask) + foreground · mask.
---@param inputs weft.MaskBlend.inputs
---@return any
function weft.MaskBlend(inputs) end

---@class weft.MaskImage.inputs
---@field [1] string? an id
---@field image weft.image|weft.wire The picture to hide a part of.
---@field mask weft.mask|weft.wire What to hide; sized to the picture.
---A picture whose painted part is gray, as inpainting models see it.
---@param inputs weft.MaskImage.inputs
---@return weft.image
function weft.MaskImage(inputs) end

---@class weft.MaskToImage.inputs
---@field [1] string? an id
---@field mask weft.mask|weft.wire the mask
---A mask as a grey picture: white is painted.
---@param inputs weft.MaskToImage.inputs
---@return weft.image
function weft.MaskToImage(inputs) end

---@class weft.MergeTokens.inputs
---@field [1] string? an id
---@field denoiser weft.denoiser|weft.wire From Guidance.
---@field ratio? number|weft.wire The share of the tokens that is merged away; 0: none. One of each 2×2 always stays. (default 0.5)
---@field max_downsample? integer|weft.wire Tokens are merged where the network's picture is smaller than the latent by no more than this: 1, the largest pictures, to 8. (default 1)
---@field generator? weft.generator|weft.wire Draws which one of each 2×2 others may be merged into, anew in every attention and step; without it, the first.
---@class weft.MergeTokens.outputs
---@field denoiser weft.denoiser For PredictNoise.
---@field generator weft.generator After the draw.
---A denoiser that computes self-attention with fewer tokens: those that are alike are merged before and told apart after.
---@param inputs weft.MergeTokens.inputs
---@return weft.MergeTokens.outputs
function weft.MergeTokens(inputs) end

---@class weft.PNDMScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.0001.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.02.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field skip_prk_steps? boolean|weft.wire Begin without Runge-Kutta steps, as Stable Diffusion does. If neither the graph nor the config says: false.
---@field set_alpha_to_one? boolean|weft.wire The last step leads to no noise at all instead of that of the first training step. If neither the graph nor the config says: false.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: leading.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---PNDM: fourth-order steps from the last four outputs, after a Runge-Kutta start.
---@param inputs weft.PNDMScheduler.inputs
---@return weft.scheduler
function weft.PNDMScheduler(inputs) end

---@class weft.PadForOutpaint.inputs
---@field [1] string? an id
---@field image weft.image|weft.wire the picture; each of a batch
---@field left? integer|weft.wire pixels to add (default 0)
---@field top? integer|weft.wire pixels to add (default 0)
---@field right? integer|weft.wire pixels to add (default 0)
---@field bottom? integer|weft.wire pixels to add (default 0)
---@class weft.PadForOutpaint.outputs
---@field image weft.image the picture within its margins, same type
---@field mask weft.mask [1, h, w, 1]: 1 on the margins
---A picture with grey margins, and the mask that paints them.
---@param inputs weft.PadForOutpaint.inputs
---@return weft.PadForOutpaint.outputs
function weft.PadForOutpaint(inputs) end

---@class weft.PadTokens.inputs
---@field [1] string? an id
---@field tokenizer weft.tokenizer|weft.wire That made the tokens.
---@field tokens weft.tokens|weft.wire From Tokenize.
---@field like weft.tokens|weft.wire Those whose length to reach.
---Empty chunks behind those of a text, until it is as long as another encoder's.
---@param inputs weft.PadTokens.inputs
---@return weft.tokens
function weft.PadTokens(inputs) end

---@class weft.ParseSchedulerConfig.inputs
---@field [1] string? an id
---@field text string|weft.wire JSON, as in scheduler_config.json: {"beta_schedule": …}.
---The options of a scheduler from text, as diffusers writes them.
---@param inputs weft.ParseSchedulerConfig.inputs
---@return weft.config
function weft.ParseSchedulerConfig(inputs) end

---@class weft.PredictNoise.inputs
---@field [1] string? an id
---@field denoiser weft.denoiser|weft.wire From Guidance.
---@field latent weft.latent|weft.wire Noisy, scaled by ScaleInput.
---@field step weft.step|weft.wire Where in the schedule it is.
---@field channels? weft.latent|weft.wire More channels beside the latent's, unscaled: mask and masked picture of an inpainting network.
---@field guidance_scale? number|weft.wire For this step alone, in place of the scale in the denoiser.
---What the network takes for the noise in a latent: noise = denoiser(latent | channels, timestep).
---@param inputs weft.PredictNoise.inputs
---@return weft.latent
function weft.PredictNoise(inputs) end

---@class weft.PredictNoiseCached.inputs
---@field [1] string? an id
---@field denoiser weft.denoiser|weft.wire From Guidance.
---@field latent weft.latent|weft.wire Noisy, scaled by ScaleInput.
---@field step weft.step|weft.wire Where in the schedule it is.
---@field channels? weft.latent|weft.wire More channels beside the latent's, unscaled: mask and masked picture of an inpainting network.
---@field guidance_scale? number|weft.wire For this step alone, in place of the scale in the denoiser.
---@field cache_interval? integer|weft.wire DeepCache: the whole network runs every so many steps; between them its outermost layers do, with what the deep ones gave last. 1: the whole network always runs. (default 1)
---@field cache_branch? integer|weft.wire The skip connection inside of which layers are deep: 0, the outermost, is fastest; SD 1.5 has 12. (default 0)
---@field cache? weft.deep_features|weft.wire What the step before has kept, from a loop's carry that begins empty.
---@class weft.PredictNoiseCached.outputs
---@field noise weft.latent The network's answer: noise, velocity or sample, as the scheduler's prediction_type says.
---@field cache weft.deep_features For the next step.
---As PredictNoise, and with a cache_interval of more than 1 the deep part of the network runs once in so many steps (DeepCache).
---@param inputs weft.PredictNoiseCached.inputs
---@return weft.PredictNoiseCached.outputs
function weft.PredictNoiseCached(inputs) end

---@class weft.PreviewLatent.inputs
---@field [1] string? an id
---@field vae weft.vae|weft.wire What the latent is a latent of.
---@field latent weft.latent|weft.wire Best the predicted clean one: SchedulerStep's `original`.
---@field step? weft.step|weft.wire Numbers the preview.
---A quick look at a latent, without decoding it: image = a·latent + b, fitted to the autoencoder once. An AutoencoderTiny decodes it.
---@param inputs weft.PreviewLatent.inputs
---@return weft.image
function weft.PreviewLatent(inputs) end

---@class weft.RandomLatent.inputs
---@field [1] string? an id
---@field vae? weft.vae|weft.wire Says how many channels, and pixels a latent; with `like` or `channels` it can be left out.
---@field generator weft.generator|weft.wire Where the numbers come from.
---@field width? integer|weft.wire Of the picture, in pixels.
---@field height? integer|weft.wire Of the picture, in pixels.
---@field batch? integer|weft.wire Pictures at once. (default 1)
---@field like? weft.latent|weft.wire A latent whose size to take, in place of width and height; without a vae its channels too.
---@field channels? integer|weft.wire Of noise for a network that works on pixels: in place of a vae, with width and height.
---@class weft.RandomLatent.outputs
---@field noise weft.latent Mean 0, variance 1.
---@field generator weft.generator After the draws.
---Normally distributed noise for a picture of a size.
---@param inputs weft.RandomLatent.inputs
---@return weft.RandomLatent.outputs
function weft.RandomLatent(inputs) end

---@class weft.RectangleMask.inputs
---@field [1] string? an id
---@field width integer|weft.wire of the mask, in pixels
---@field height integer|weft.wire of the mask, in pixels
---@field left integer|weft.wire the first painted column
---@field top integer|weft.wire the first painted row
---@field right integer|weft.wire the column after the last painted one
---@field bottom integer|weft.wire the row after the last painted one
---A mask that paints one rectangle: 1 inside, 0 outside.
---@param inputs weft.RectangleMask.inputs
---@return weft.mask
function weft.RectangleMask(inputs) end

---@class weft.ResizeImage.inputs
---@field [1] string? an id
---@field image weft.image|weft.wire the picture; each of a batch
---@field width? integer|weft.wire in pixels; 0 keeps the proportions (default 0)
---@field height? integer|weft.wire in pixels; 0 keeps the proportions (default 0)
---@field method? "nearest"|"box"|"bilinear"|"bicubic"|"lanczos"|weft.wire the filter, by its name in PIL (default "lanczos")
---A picture at another size, as PIL's Image.resize draws it.
---@param inputs weft.ResizeImage.inputs
---@return weft.image
function weft.ResizeImage(inputs) end

---@class weft.ReverseSteps.inputs
---@field [1] string? an id
---@field steps weft.step[]|weft.step|weft.wire From Timesteps.
---The steps of a run from little noise to much.
---@param inputs weft.ReverseSteps.inputs
---@return weft.step[]
function weft.ReverseSteps(inputs) end

---@class weft.SASolverScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.0001.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.02.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|"flow_prediction"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field thresholding? boolean|weft.wire Dynamic thresholding of the predicted clean latent (arXiv 2205.11487); for models that work on pixels. If neither the graph nor the config says: false.
---@field dynamic_thresholding_ratio? number|weft.wire The quantile of magnitudes that thresholding scales to one. If neither the graph nor the config says: 0.995.
---@field sample_max_value? number|weft.wire The most that thresholding scales by. If neither the graph nor the config says: 1.
---@field lower_order_final? boolean|weft.wire Lower orders in the last steps of a short run. If neither the graph nor the config says: true.
---@field use_karras_sigmas? boolean|weft.wire Space the noise levels after Karras et al. (arXiv 2206.00364, eq. 5). If neither the graph nor the config says: false.
---@field use_exponential_sigmas? boolean|weft.wire Space the noise levels evenly in their logarithm. If neither the graph nor the config says: false.
---@field use_beta_sigmas? boolean|weft.wire Space the noise levels by a beta distribution (arXiv 2407.12173). If neither the graph nor the config says: false.
---@field use_flow_sigmas? boolean|weft.wire The model was trained on straight flows: x = (1 - sigma) clean + sigma noise. If neither the graph nor the config says: false.
---@field flow_shift? number|weft.wire Moves a flow's noise levels up. If neither the graph nor the config says: 1.
---@field predictor_order? integer|weft.wire Order of the predictor: 2 for guided sampling, 3 for unguided. If neither the graph nor the config says: 2.
---@field corrector_order? integer|weft.wire Order of the corrector: 2 for guided sampling, 3 for unguided. If neither the graph nor the config says: 2.
---@field tau? number|weft.wire How stochastic the steps are: 0 an ODE, 1 the diffusion's SDE. If neither the graph nor the config says: 1.
---@field tau_min_timestep? number|weft.wire The lowest timestep where tau counts; below it steps are those of the ODE. If neither the graph nor the config says: 200.
---@field tau_max_timestep? number|weft.wire The highest one. If neither the graph nor the config says: 800.
---@field algorithm_type? "data_prediction"|"noise_prediction"|weft.wire Solves for the noise (dpmsolver) or the clean latent (dpmsolver++), as an ODE or with noise added (sde). If neither the graph nor the config says: data_prediction.
---@field lambda_min_clipped? number|weft.wire Skip timesteps whose log SNR is below this; not set: none. For cosine schedules, -5.1. If neither the graph nor the config says: not set.
---@field variance_type? "fixed_small"|"fixed_small_log"|"fixed_large"|"fixed_large_log"|"learned"|"learned_range"|weft.wire The variance of the noise that DDPM adds at each step; learned ones come from the model as a second half of its channels. If neither the graph nor the config says: .
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: linspace.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---SA-Solver: a stochastic multistep predictor and a corrector without calls of its own.
---@param inputs weft.SASolverScheduler.inputs
---@return weft.scheduler
function weft.SASolverScheduler(inputs) end

---@class weft.SamplerScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json.
---@field sampler? "euler"|"euler_ancestral"|"heun"|"dpm_2"|"dpm_2_ancestral"|"lms"|"dpmpp_2s_ancestral"|"dpmpp_sde"|"dpmpp_2m"|"dpmpp_2m_sde"|"dpmpp_3m_sde"|"ddim"|"ddpm"|"uni_pc"|"lcm"|"deis"|"ipndm"|weft.wire How steps are taken. Each is the same as: euler: EulerDiscreteScheduler; euler_ancestral: EulerAncestralDiscreteScheduler; heun: HeunDiscreteScheduler; dpm_2: KDPM2DiscreteScheduler; dpm_2_ancestral: KDPM2AncestralDiscreteScheduler; lms: LMSDiscreteScheduler; dpmpp_2s_ancestral: no class of diffusers; dpmpp_sde: DPMSolverSDEScheduler; dpmpp_2m: DPMSolverMultistepScheduler; dpmpp_2m_sde: DPMSolverMultistepScheduler, algorithm_type sde-dpmsolver++, but noise from a Brownian tree; dpmpp_3m_sde: no class of diffusers; ddim: EulerDiscreteScheduler (DDIM without noise is Euler's method); ddpm: DDPMScheduler, between any noise levels; uni_pc: UniPCMultistepScheduler, solver_order 3, solver_type bh1, to a last sigma of 0.001; lcm: LCMScheduler without its boundary condition; deis: DEISMultistepScheduler, solver_order 3, in time instead of log rho; ipndm: IPNDMScheduler, in sigma. (default "euler")
---@field schedule? "normal"|"karras"|"exponential"|"simple"|"sgm_uniform"|"ddim_uniform"|"beta"|weft.wire Where the noise levels lie: normal, sgm_uniform and simple evenly in the timestep, ddim_uniform a whole stride apart, karras and exponential by sigma, beta by a distribution. (default "normal")
---@field noise_sampler_seed? integer|weft.wire Seed of the Brownian tree that the noise comes from; not set: one drawn from the generator. If neither the graph nor the config says: not set.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.00085.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.012.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: scaled_linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field rescale_betas_zero_snr? boolean|weft.wire Rescale the variances so that the last step is pure noise (arXiv 2305.08891). If neither the graph nor the config says: false.
---A scheduler by ComfyUI's names of its sampler and its schedule. The noise levels are ComfyUI's to rounding. dpmpp_sde, dpmpp_2m_sde and dpmpp_3m_sde draw from ComfyUI's Brownian tree (on the CPU; noise_sampler_seed is its seed), the other stochastic ones from the wired generator.
---@param inputs weft.SamplerScheduler.inputs
---@return weft.scheduler
function weft.SamplerScheduler(inputs) end

---@class weft.SaveImage.inputs
---@field [1] string? an id
---@field image weft.image|weft.wire what to save; f32 is rounded to 8 bits, a batch is numbered
---@field path string|weft.wire below the output folder; .png, .jpg, .jpeg or .webp
---@field quality? integer|weft.wire of JPEG and WebP; 100 makes a WebP lossless (default 95)
---Writes pictures. A PNG carries the whole graph, so that it can be drawn again.
---@param inputs weft.SaveImage.inputs
---@return string[]
function weft.SaveImage(inputs) end

---@class weft.SaveTensor.inputs
---@field [1] string? an id
---@field value any a tensor of any kind, a list of them (name.0, name.1 …), or a conditioning (its tokens, and "pooled")
---@field path string|weft.wire below the output folder; .safetensors or .npy
---@field name? string|weft.wire of the tensor in a .safetensors file (default "value")
---@class weft.SaveTensor.outputs
---Writes numbers as a .safetensors or .npy file.
---@param inputs weft.SaveTensor.inputs
---@return weft.SaveTensor.outputs
function weft.SaveTensor(inputs) end

---@class weft.ScaleInput.inputs
---@field [1] string? an id
---@field scheduler weft.scheduler|weft.wire The scheduler.
---@field latent weft.latent|weft.wire The latent of the run.
---@field step weft.step|weft.wire The step that is about to be taken.
---The latent scaled for the model.
---@param inputs weft.ScaleInput.inputs
---@return weft.latent
function weft.ScaleInput(inputs) end

---@class weft.ScaleNoise.inputs
---@field [1] string? an id
---@field scheduler weft.scheduler|weft.wire The scheduler.
---@field noise weft.latent|weft.wire Normally distributed noise.
---@field first? weft.step|weft.wire The first step (Timesteps gives it); the scale of leading timestep_spacing depends on it.
---Noise at the level that the first step expects.
---@param inputs weft.ScaleNoise.inputs
---@return weft.latent
function weft.ScaleNoise(inputs) end

---@class weft.SchedulerConfigText.inputs
---@field [1] string? an id
---@field config weft.config|weft.wire Such as a model's.
---The options of a scheduler as text, as diffusers reads them.
---@param inputs weft.SchedulerConfigText.inputs
---@return string
function weft.SchedulerConfigText(inputs) end

---@class weft.SchedulerStep.inputs
---@field [1] string? an id
---@field scheduler weft.scheduler|weft.wire The scheduler.
---@field noise weft.latent|weft.wire The model's output (PredictNoise).
---@field latent weft.latent|weft.wire The latent of this step, not scaled.
---@field step weft.step|weft.wire The step.
---@field state weft.state|weft.wire From Timesteps or the step before.
---@field generator? weft.generator|weft.wire For schedulers that add noise at each step.
---@class weft.SchedulerStep.outputs
---@field latent weft.latent The latent of the next step.
---@field original weft.latent The predicted clean latent.
---@field state weft.state For the next step.
---@field generator weft.generator After this step's draws.
---One step of a scheduler towards the picture.
---@param inputs weft.SchedulerStep.inputs
---@return weft.SchedulerStep.outputs
function weft.SchedulerStep(inputs) end

---@class weft.SizeConditioning.inputs
---@field [1] string? an id
---@field conditioning weft.conditioning|weft.wire Of the text.
---@field width? integer|weft.wire Of the picture, in pixels.
---@field height? integer|weft.wire Of the picture, in pixels.
---@field image? weft.image|weft.wire A picture whose size to take, in place of width and height.
---@field original_width? integer|weft.wire How large the picture shall seem to have been before it was scaled; without it, width.
---@field original_height? integer|weft.wire The same; without it, height.
---@field crop_top? integer|weft.wire Rows that shall seem to be cut off above; 0: centred. (default 0)
---@field crop_left? integer|weft.wire Columns that shall seem to be cut off on the left. (default 0)
---@field target_width? integer|weft.wire Of the picture as it is cut; without it, width.
---@field target_height? integer|weft.wire The same; without it, height.
---@field aesthetic_score? number|weft.wire For a refiner, in place of the target size: how well it shall look; diffusers takes 6, and 2.5 for the negative text.
---The sizes that SDXL's UNets embed beside the text: original size, crop, and target size or (a refiner's) aesthetic score.
---@param inputs weft.SizeConditioning.inputs
---@return weft.conditioning
function weft.SizeConditioning(inputs) end

---@class weft.StopWhenConverged.inputs
---@field [1] string? an id
---@field latent weft.latent|weft.wire Of the next step, from SchedulerStep.
---@field original weft.latent|weft.wire The clean latent that it predicts.
---@field before? weft.latent|weft.wire What the step before predicted, by a loop's carry that begins empty.
---@field step weft.step|weft.wire The step that has been taken.
---@field threshold? number|weft.wire How much the picture may still change, as a share of itself, if all steps that are left change it as much as this one did; 0: the loop never ends early. (default 0.0)
---@class weft.StopWhenConverged.outputs
---@field latent weft.latent As it came in, or the clean one at the end.
---@field going boolean For a loop's `while`.
---Whether the picture that a step predicts would still change in the steps that are left: rms(original - before) / rms(original) · steps left > threshold. Once it would not, the latent is that picture.
---@param inputs weft.StopWhenConverged.inputs
---@return weft.StopWhenConverged.outputs
function weft.StopWhenConverged(inputs) end

---@class weft.TCDScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.00085.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.012.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: scaled_linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field original_inference_steps? integer|weft.wire Steps of the schedule that the model was distilled with. If neither the graph nor the config says: 50.
---@field clip_sample? boolean|weft.wire Keep the predicted clean latent within a range. If neither the graph nor the config says: false.
---@field clip_sample_range? number|weft.wire That range: ± this. If neither the graph nor the config says: 1.
---@field set_alpha_to_one? boolean|weft.wire The last step leads to no noise at all instead of that of the first training step. If neither the graph nor the config says: true.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field thresholding? boolean|weft.wire Dynamic thresholding of the predicted clean latent (arXiv 2205.11487); for models that work on pixels. If neither the graph nor the config says: false.
---@field dynamic_thresholding_ratio? number|weft.wire The quantile of magnitudes that thresholding scales to one. If neither the graph nor the config says: 0.995.
---@field sample_max_value? number|weft.wire The most that thresholding scales by. If neither the graph nor the config says: 1.
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: leading.
---@field timestep_scaling? number|weft.wire Sharpness of the boundary condition at timestep 0. If neither the graph nor the config says: 10.
---@field rescale_betas_zero_snr? boolean|weft.wire Rescale the variances so that the last step is pure noise (arXiv 2305.08891). If neither the graph nor the config says: false.
---@field eta? number|weft.wire How much noise each step adds: 0 none, 1 as much as DDPM. If neither the graph nor the config says: 0.3.
---Trajectory consistency: jump past the next timestep, and add noise back up to it.
---@param inputs weft.TCDScheduler.inputs
---@return weft.scheduler
function weft.TCDScheduler(inputs) end

---@class weft.TextOr.inputs
---@field [1] string? an id
---@field text? string|weft.wire The text. (default "")
---@field otherwise string|weft.wire What stands for an empty one.
---A text, or another one where it is empty.
---@param inputs weft.TextOr.inputs
---@return string
function weft.TextOr(inputs) end

---@class weft.Timesteps.inputs
---@field [1] string? an id
---@field scheduler weft.scheduler|weft.wire The scheduler.
---@field num_inference_steps? integer|weft.wire Steps of a full run. (default 20)
---@field strength? number|weft.wire The share of the steps that is taken, counted from the end. (default 1.0)
---@field denoising_start? number|weft.wire The share of the way from noise to picture that is done already: what the base model's denoising_end was. (default 0.0)
---@field denoising_end? number|weft.wire The share of the way at which to stop, and leave the rest to a refiner. (default 1.0)
---@class weft.Timesteps.outputs
---@field steps weft.step[] One for each call of the model.
---@field first weft.step The first of them.
---@field state weft.state What SchedulerStep carries from step to step.
---The steps that a scheduler takes from noise to a picture.
---@param inputs weft.Timesteps.inputs
---@return weft.Timesteps.outputs
function weft.Timesteps(inputs) end

---@class weft.Tokenize.inputs
---@field [1] string? an id
---@field tokenizer weft.tokenizer|weft.wire Of the model, from LoadModel
---@field text string|weft.wire What to draw
---@field truncate? boolean|weft.wire Cuts off what does not fit into one chunk, as diffusers does, instead of making several (default false)
---A text as token ids: begin, text, end, padding; a text that is too long for one chunk is cut between words.
---@param inputs weft.Tokenize.inputs
---@return weft.tokens
function weft.Tokenize(inputs) end

---@class weft.TokenizePrompt.inputs
---@field [1] string? an id
---@field tokenizer weft.tokenizer|weft.wire Of the model, from LoadModel
---@field text string|weft.wire What to draw
---@field truncate? boolean|weft.wire Cuts off what does not fit into one chunk, as diffusers does, instead of making several (default false)
---@field syntax? "plain"|"weighted"|weft.wire plain: every character is text. weighted: (word:1.2), (word), [word], BREAK, [from:to:when], [a|b] and AND :weight as in AUTOMATIC1111's web UI; \( is a bracket (default "plain")
---@field weighting? "keep_mean"|"multiply"|"interpolate"|weft.wire What a token's weight w does to its hidden state h. keep_mean: w·h, then the chunk's mean is restored (AUTOMATIC1111); multiply: w·h; interpolate: e + w·(h - e), e of the empty text (ComfyUI) (default "keep_mean")
---@class weft.TokenizePrompt.outputs
---@field tokens weft.tokens Token ids, chunk behind chunk; a row for each with syntax weighted
---@field prompt weft.prompt What the syntax says about the tokens, for ApplyPrompt
---A prompt as token ids, and what its syntax says about them: weights, BREAK, schedules and AND as in AUTOMATIC1111's web UI.
---@param inputs weft.TokenizePrompt.inputs
---@return weft.TokenizePrompt.outputs
function weft.TokenizePrompt(inputs) end

---@class weft.TrainingStep.inputs
---@field [1] string? an id
---@field scheduler weft.scheduler|weft.wire The scheduler.
---@field timestep integer|weft.wire 0: hardly any noise.
---The step of one timestep of the training, for AddNoise.
---@param inputs weft.TrainingStep.inputs
---@return weft.step
function weft.TrainingStep(inputs) end

---@class weft.UnconditionalDenoiser.inputs
---@field [1] string? an id
---@field unet weft.unet|weft.wire The network, a UNet2DModel.
---@field class_label? integer|weft.wire What to draw, of a network that knows classes.
---A UNet that is told nothing, or a class alone: DDPM's.
---@param inputs weft.UnconditionalDenoiser.inputs
---@return weft.denoiser
function weft.UnconditionalDenoiser(inputs) end

---@class weft.UniPCMultistepScheduler.inputs
---@field [1] string? an id
---@field config? weft.config|weft.wire The model's scheduler_config.json; options set here come before it.
---@field num_train_timesteps? integer|weft.wire Steps of the diffusion the model was trained on. If neither the graph nor the config says: 1000.
---@field beta_start? number|weft.wire Variance of the first training step. If neither the graph nor the config says: 0.0001.
---@field beta_end? number|weft.wire Variance of the last training step. If neither the graph nor the config says: 0.02.
---@field beta_schedule? "linear"|"scaled_linear"|"squaredcos_cap_v2"|"sigmoid"|"laplace"|"exp"|weft.wire How the variance grows between: straight, straight in its root, or by a cosine. If neither the graph nor the config says: linear.
---@field trained_betas? number[]|number|weft.wire All variances, in place of a schedule. If neither the graph nor the config says: none.
---@field prediction_type? "epsilon"|"v_prediction"|"sample"|"flow_prediction"|weft.wire What the model predicts: the noise, v, or the clean picture. If neither the graph nor the config says: epsilon.
---@field thresholding? boolean|weft.wire Dynamic thresholding of the predicted clean latent (arXiv 2205.11487); for models that work on pixels. If neither the graph nor the config says: false.
---@field dynamic_thresholding_ratio? number|weft.wire The quantile of magnitudes that thresholding scales to one. If neither the graph nor the config says: 0.995.
---@field sample_max_value? number|weft.wire The most that thresholding scales by. If neither the graph nor the config says: 1.
---@field lower_order_final? boolean|weft.wire Lower orders in the last steps of a short run. If neither the graph nor the config says: true.
---@field use_karras_sigmas? boolean|weft.wire Space the noise levels after Karras et al. (arXiv 2206.00364, eq. 5). If neither the graph nor the config says: false.
---@field use_exponential_sigmas? boolean|weft.wire Space the noise levels evenly in their logarithm. If neither the graph nor the config says: false.
---@field use_beta_sigmas? boolean|weft.wire Space the noise levels by a beta distribution (arXiv 2407.12173). If neither the graph nor the config says: false.
---@field use_flow_sigmas? boolean|weft.wire The model was trained on straight flows: x = (1 - sigma) clean + sigma noise. If neither the graph nor the config says: false.
---@field flow_shift? number|weft.wire Moves a flow's noise levels up. If neither the graph nor the config says: 1.
---@field solver_order? integer|weft.wire Order of the solver: 2 for guided sampling, 3 for unguided. If neither the graph nor the config says: 2.
---@field predict_x0? boolean|weft.wire Solve for the clean latent instead of the noise. If neither the graph nor the config says: true.
---@field solver_type? "midpoint"|"heun"|"logrho"|"bh1"|"bh2"|weft.wire The kind of second-order step. If neither the graph nor the config says: bh2.
---@field disable_corrector? integer[]|integer|weft.wire Steps that the corrector leaves alone (it can hurt the first ones). If neither the graph nor the config says: none.
---@field timestep_spacing? "linspace"|"leading"|"trailing"|weft.wire Where the steps lie (arXiv 2305.08891, table 2). If neither the graph nor the config says: linspace.
---@field steps_offset? integer|weft.wire Added to each timestep of leading spacing. If neither the graph nor the config says: 0.
---@field final_sigmas_type? "zero"|"sigma_min"|weft.wire The noise level after the last step: none, or that of the first training step. If neither the graph nor the config says: zero.
---@field rescale_betas_zero_snr? boolean|weft.wire Rescale the variances so that the last step is pure noise (arXiv 2305.08891). If neither the graph nor the config says: false.
---@field sigma_min? number|weft.wire The lowest noise level of a Karras, exponential or beta spacing. If neither the graph nor the config says: not set.
---@field sigma_max? number|weft.wire The highest one. If neither the graph nor the config says: not set.
---@field shift_terminal? number|weft.wire Stretch a flow's noise levels so that they end here. If neither the graph nor the config says: not set.
---UniPC: a multistep predictor and a corrector that costs no call of the model.
---@param inputs weft.UniPCMultistepScheduler.inputs
---@return weft.scheduler
function weft.UniPCMultistepScheduler(inputs) end

---@class weft.VaeDecode.inputs
---@field [1] string? an id
---@field vae weft.vae|weft.wire The autoencoder.
---@field latent weft.latent|weft.wire Scaled as the UNet sees it.
---A latent as a picture: decode(latent / scaling_factor + shift_factor) / 2 + 1/2.
---@param inputs weft.VaeDecode.inputs
---@return weft.image
function weft.VaeDecode(inputs) end

---@class weft.VaeEncode.inputs
---@field [1] string? an id
---@field vae weft.vae|weft.wire The autoencoder.
---@field image weft.image|weft.wire Sides that are multiples of the autoencoder's scale.
---@field generator? weft.generator|weft.wire Draws from the encoder's distribution (AutoencoderTiny has none); without it its mean is the latent.
---@field scaled? boolean|weft.wire Scaled as latents that are denoised are; false: as the encoder gives it, which pix2pix UNets take for their further channels. (default true)
---@class weft.VaeEncode.outputs
---@field latent weft.latent The picture's latent.
---@field generator weft.generator After the draw.
---A picture as a latent: (encode(2·image - 1) - shift_factor) · scaling_factor.
---@param inputs weft.VaeEncode.inputs
---@return weft.VaeEncode.outputs
function weft.VaeEncode(inputs) end

---@class weft.ZeroEmptyPrompt.inputs
---@field [1] string? an id
---@field conditioning weft.conditioning|weft.wire Of the prompt.
---@field text? string|weft.wire The prompt itself. (default "")
---@field zero_if_empty? boolean|weft.wire false: the conditioning goes by as it is. (default true)
---Zeros in place of an empty prompt, which SDXL takes for no prompt (diffusers' force_zeros_for_empty_prompt).
---@param inputs weft.ZeroEmptyPrompt.inputs
---@return weft.conditioning
function weft.ZeroEmptyPrompt(inputs) end

---@class weft.Denoise.inputs
---@field [1] string? an id
---@field unet weft.unet|weft.wire The network.
---@field scheduler weft.scheduler|weft.wire The scheduler.
---@field noise weft.latent|weft.wire From RandomLatent
---@field generator? weft.generator|weft.wire For schedulers that add noise at each step.
---@field positive weft.conditioning|weft.wire What to draw.
---@field negative? weft.conditioning|weft.wire What to keep away from: the unconditional pass. Without it there is one pass, and no guidance.
---@field guidance_scale? number|weft.wire How hard to push from negative to positive; 1 and less: not at all, in half the time. (default 7.5)
---@field guidance_rescale? number|weft.wire How far the contrast that guidance adds is taken back, to that of the positive pass: against washed-out pictures of networks trained with zero terminal SNR (0.7 there). (default 0.0)
---@field guidance_start? number|weft.wire The share of the steps that is done when guidance begins; before, there is the positive pass alone, in half the time. (default 0.0)
---@field guidance_stop? number|weft.wire The share of the steps that is done when guidance ends. (default 1.0)
---@field num_inference_steps? integer|weft.wire Steps of a full run. (default 20)
---@field denoising_end? number|weft.wire The share of the way at which to stop, and leave the rest to a refiner. (default 1.0)
---@field channels? weft.latent|weft.wire More channels beside the latent's, unscaled: mask and masked picture of an inpainting network.
---@field cache_interval? integer|weft.wire DeepCache: the whole network runs every so many steps; between them its outermost layers do, with what the deep ones gave last. 1: the whole network always runs. (default 1)
---@field cache_branch? integer|weft.wire The skip connection inside of which layers are deep: 0, the outermost, is fastest; SD 1.5 has 12. (default 0)
---@field merge_ratio? number|weft.wire The share of the tokens that is merged away; 0: none. One of each 2×2 always stays. (default 0.0)
---@field merge_downsample? integer|weft.wire Tokens are merged where the network's picture is smaller than the latent by no more than this: 1, the largest pictures, to 8. (default 1)
---@field stop_below? number|weft.wire How much the picture may still change, as a share of itself, if all steps that are left change it as much as this one did; 0: the loop never ends early. (default 0.0)
---@class weft.Denoise.outputs
---@field latent weft.latent 
---@field generator weft.generator 
---From pure noise to a latent: all steps of the scheduler.
---@param inputs weft.Denoise.inputs
---@return weft.Denoise.outputs
function weft.Denoise(inputs) end

---@class weft.EncodePrompt.inputs
---@field [1] string? an id
---@field tokenizer weft.tokenizer|weft.wire Of the model, from LoadModel
---@field clip weft.clip|weft.wire The text encoder.
---@field text string|weft.wire What to draw
---@field truncate? boolean|weft.wire Cuts off what does not fit into one chunk, as diffusers does, instead of making several (default false)
---@field clip_skip? integer|weft.wire How many of the last layers to leave out. (default 0)
---@field syntax? "plain"|"weighted"|weft.wire plain: every character is text. weighted: (word:1.2), (word), [word], BREAK, [from:to:when], [a|b] and AND :weight as in AUTOMATIC1111's web UI; \( is a bracket (default "plain")
---@field weighting? "keep_mean"|"multiply"|"interpolate"|weft.wire What a token's weight w does to its hidden state h. keep_mean: w·h, then the chunk's mean is restored (AUTOMATIC1111); multiply: w·h; interpolate: e + w·(h - e), e of the empty text (ComfyUI) (default "keep_mean")
---What a UNet is told to draw, from text: tokens, then the text encoder, then what the syntax of the prompt says.
---@param inputs weft.EncodePrompt.inputs
---@return weft.conditioning
function weft.EncodePrompt(inputs) end

---@class weft.EncodePromptRefiner.inputs
---@field [1] string? an id
---@field tokenizer_2 weft.tokenizer|weft.wire Of the model, from LoadModel
---@field clip_2 weft.clip|weft.wire The text encoder.
---@field text string|weft.wire What to draw
---@field truncate? boolean|weft.wire Cuts off what does not fit into one chunk, as diffusers does, instead of making several (default false)
---@field clip_skip? integer|weft.wire How many of the last layers to leave out. (default 0)
---@field syntax? "plain"|"weighted"|weft.wire plain: every character is text. weighted: (word:1.2), (word), [word], BREAK, [from:to:when], [a|b] and AND :weight as in AUTOMATIC1111's web UI; \( is a bracket (default "plain")
---@field weighting? "keep_mean"|"multiply"|"interpolate"|weft.wire What a token's weight w does to its hidden state h. keep_mean: w·h, then the chunk's mean is restored (AUTOMATIC1111); multiply: w·h; interpolate: e + w·(h - e), e of the empty text (ComfyUI) (default "keep_mean")
---@field width? integer|weft.wire Of the picture, in pixels.
---@field height? integer|weft.wire Of the picture, in pixels.
---@field image? weft.image|weft.wire A picture whose size to take, in place of width and height.
---@field original_width? integer|weft.wire How large the picture shall seem to have been before it was scaled; without it, width.
---@field original_height? integer|weft.wire The same; without it, height.
---@field crop_top? integer|weft.wire Rows that shall seem to be cut off above; 0: centred. (default 0)
---@field crop_left? integer|weft.wire Columns that shall seem to be cut off on the left. (default 0)
---@field aesthetic_score? number|weft.wire For a refiner, in place of the target size: how well it shall look; diffusers takes 6, and 2.5 for the negative text. (default 6.0)
---What the refiner's UNet is told: the penultimate states and the pooled text of the second text encoder alone, sizes and an aesthetic score.
---@param inputs weft.EncodePromptRefiner.inputs
---@return weft.conditioning
function weft.EncodePromptRefiner(inputs) end

---@class weft.EncodePromptSdxl.inputs
---@field [1] string? an id
---@field tokenizer weft.tokenizer|weft.wire Of the model, from LoadModel
---@field clip weft.clip|weft.wire The text encoder.
---@field tokenizer_2 weft.tokenizer|weft.wire The second one, whose padding is another
---@field clip_2 weft.clip|weft.wire The second text encoder
---@field text string|weft.wire What to draw
---@field text_2? string|weft.wire For the second text encoder; empty: the same text (default "")
---@field zero_if_empty? boolean|weft.wire Zeros for an empty text, as SDXL's base was trained to take it for no negative prompt (default false)
---@field truncate? boolean|weft.wire Cuts off what does not fit into one chunk, as diffusers does, instead of making several (default false)
---@field clip_skip? integer|weft.wire How many of the last layers to leave out. (default 0)
---@field syntax? "plain"|"weighted"|weft.wire plain: every character is text. weighted: (word:1.2), (word), [word], BREAK, [from:to:when], [a|b] and AND :weight as in AUTOMATIC1111's web UI; \( is a bracket (default "plain")
---@field weighting? "keep_mean"|"multiply"|"interpolate"|weft.wire What a token's weight w does to its hidden state h. keep_mean: w·h, then the chunk's mean is restored (AUTOMATIC1111); multiply: w·h; interpolate: e + w·(h - e), e of the empty text (ComfyUI) (default "keep_mean")
---@field width? integer|weft.wire Of the picture, in pixels.
---@field height? integer|weft.wire Of the picture, in pixels.
---@field image? weft.image|weft.wire A picture whose size to take, in place of width and height.
---@field original_width? integer|weft.wire How large the picture shall seem to have been before it was scaled; without it, width.
---@field original_height? integer|weft.wire The same; without it, height.
---@field crop_top? integer|weft.wire Rows that shall seem to be cut off above; 0: centred. (default 0)
---@field crop_left? integer|weft.wire Columns that shall seem to be cut off on the left. (default 0)
---@field target_width? integer|weft.wire Of the picture as it is cut; without it, width.
---@field target_height? integer|weft.wire The same; without it, height.
---What SDXL's UNets are told: the penultimate states of both text encoders side by side, the second one's pooled text, and sizes.
---@param inputs weft.EncodePromptSdxl.inputs
---@return weft.conditioning
function weft.EncodePromptSdxl(inputs) end

---@class weft.Sample.inputs
---@field [1] string? an id
---@field unet weft.unet|weft.wire The network.
---@field scheduler weft.scheduler|weft.wire The scheduler.
---@field latent weft.latent|weft.wire Where to begin, as noisy as the first step expects
---@field steps weft.step[]|weft.step|weft.wire From Timesteps
---@field state weft.state|weft.wire From Timesteps or the step before.
---@field generator? weft.generator|weft.wire For schedulers that add noise at each step.
---@field positive weft.conditioning|weft.wire What to draw.
---@field negative? weft.conditioning|weft.wire What to keep away from: the unconditional pass. Without it there is one pass, and no guidance.
---@field guidance_scale? number|weft.wire How hard to push from negative to positive; 1 and less: not at all, in half the time. (default 7.5)
---@field guidance_rescale? number|weft.wire How far the contrast that guidance adds is taken back, to that of the positive pass: against washed-out pictures of networks trained with zero terminal SNR (0.7 there). (default 0.0)
---@field guidance_start? number|weft.wire The share of the steps that is done when guidance begins; before, there is the positive pass alone, in half the time. (default 0.0)
---@field guidance_stop? number|weft.wire The share of the steps that is done when guidance ends. (default 1.0)
---@field channels? weft.latent|weft.wire More channels beside the latent's, unscaled: mask and masked picture of an inpainting network.
---@field cache_interval? integer|weft.wire DeepCache: the whole network runs every so many steps; between them its outermost layers do, with what the deep ones gave last. 1: the whole network always runs. (default 1)
---@field cache_branch? integer|weft.wire The skip connection inside of which layers are deep: 0, the outermost, is fastest; SD 1.5 has 12. (default 0)
---@field merge_ratio? number|weft.wire The share of the tokens that is merged away; 0: none. One of each 2×2 always stays. (default 0.0)
---@field merge_downsample? integer|weft.wire Tokens are merged where the network's picture is smaller than the latent by no more than this: 1, the largest pictures, to 8. (default 1)
---@field stop_below? number|weft.wire How much the picture may still change, as a share of itself, if all steps that are left change it as much as this one did; 0: the loop never ends early. (default 0.0)
---@class weft.Sample.outputs
---@field latent weft.latent 
---@field generator weft.generator 
---@field originals weft.latent[] 
---The denoising loop from a given latent over given steps. Copy it to change what happens in a step. cache_interval, merge_ratio and stop_below save time and change the picture; as they stand they do nothing.
---@param inputs weft.Sample.inputs
---@return weft.Sample.outputs
function weft.Sample(inputs) end

return weft
