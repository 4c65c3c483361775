"""Mistakes that a type checker finds: each line that is marked, and no other."""

import weft

model = weft.nodes.LoadModel(path="models/sketch")
generator = weft.nodes.Generator(seed=1)
drawn = weft.nodes.RandomLatent(vae=model.vae, generator=generator)
weft.nodes.Generator(seed="five")  # E: Argument "seed" to "Generator"
weft.nodes.Generator(sed=1)  # E: Unexpected keyword argument "sed"
weft.nodes.VaeDecode(vae=model.vae)  # E: Missing named argument "latent"
weft.nodes.VaeDecode(vae=model.unet, latent=drawn.noise)  # E: Argument "vae" to "VaeDecode"
weft.nodes.VaeDecod(vae=model.vae)  # E: Module has no attribute "VaeDecod"
image = weft.nodes.VaeDecode(vae=model.vae, latent=drawn.noise)
weft.nodes.VaeDecode(vae=model.vae, latent=image)  # E: Argument "latent" to "VaeDecode"
drawn.noize  # E: "_RandomLatentOutputs" has no attribute "noize"
model.vae.steps(3)  # E: "Vae" has no attribute "steps"
weft.nodes.LoadModel(path="x", precision="f16")  # E: Argument "precision" to "LoadModel"
weft.load(3)  # E: Argument 1 to "load"
weft.load("txt2img").run(on_step=3)  # E: Argument "on_step"
weft.types.Unett  # E: Module has no attribute "Unett"
