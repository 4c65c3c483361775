"""What is measured, in the order of tables: which part of which model, in which precision."""

import collections

Case = collections.namedtuple("Case", ["model", "part", "precision", "title"])

CASES = {
    "text_bf16": Case("sd15", "text", "bf16", "texts 2 × 77, bf16"),
    "unet_bf16": Case("sd15", "unet", "bf16", "guided UNet step, bf16"),
    "unet_int8": Case("sd15", "unet", "int8", "the same, weft in 8 bits, others in bf16"),
    "unet_f32": Case("sd15", "unet", "f32", "guided UNet step, f32"),
    "vae_decode_bf16": Case("sd15", "vae_decode", "bf16", "VAE decode, bf16"),
    "sdxl_unet_bf16": Case("sdxl", "unet", "bf16", "guided SDXL step, bf16"),
}
