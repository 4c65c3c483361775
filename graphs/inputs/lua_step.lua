-- What graphs/lua_step.json does after each step. Its inputs are globals: latent, and clean, the
-- picture that the step predicts; before, what the last one predicted; threshold.

local limit = 4 * latent:std()
return {
  latent = latent:clamp(-limit, limit),
  going = (clean - before):abs():mean() > threshold,
}
