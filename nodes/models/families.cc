#include "nodes/models/families.h"

namespace weft {
namespace {

constexpr absl::string_view kEnd = "<|endoftext|>";
constexpr absl::string_view kScaled = "scaled_linear";

// The scheduler is the one of the published repository; every scheduler node takes its numbers.
constexpr Family kFamilies[] = {
    {"sd1", "Stable Diffusion 1.x", "StableDiffusionPipeline", 64, 0.18215, 8, "epsilon", false,
     kEnd, "PNDMScheduler", kScaled, 0.00085, 0.012},
    {"sd1_inpaint", "Stable Diffusion 1.x inpainting", "StableDiffusionInpaintPipeline", 64,
     0.18215, 8, "epsilon", false, kEnd, "DDIMScheduler", kScaled, 0.00085, 0.012},
    {"sd1_pix2pix", "InstructPix2Pix", "StableDiffusionInstructPix2PixPipeline", 64, 0.18215, 8,
     "epsilon", false, kEnd, "EulerAncestralDiscreteScheduler", kScaled, 0.00085, 0.012},
    {"sd2", "Stable Diffusion 2.x", "StableDiffusionPipeline", 96, 0.18215, 0, "v_prediction", true,
     "!", "DDIMScheduler", kScaled, 0.00085, 0.012},
    {"sd2_inpaint", "Stable Diffusion 2.x inpainting", "StableDiffusionInpaintPipeline", 64,
     0.18215, 0, "epsilon", false, "!", "PNDMScheduler", kScaled, 0.00085, 0.012},
    {"sd2_depth", "Stable Diffusion 2.x depth", "StableDiffusionDepth2ImgPipeline", 32, 0.18215, 0,
     "epsilon", false, "!", "PNDMScheduler", kScaled, 0.00085, 0.012},
    {"x4_upscaler", "Stable Diffusion x4 upscaler", "StableDiffusionUpscalePipeline", 128, 0.08333,
     8, "v_prediction", false, "!", "DDIMScheduler", kScaled, 0.0001, 0.02},
    {"sdxl", "Stable Diffusion XL", "StableDiffusionXLPipeline", 128, 0.13025, 0, "epsilon", false,
     kEnd, "EulerDiscreteScheduler", kScaled, 0.00085, 0.012},
    {"sdxl_inpaint", "Stable Diffusion XL inpainting", "StableDiffusionXLInpaintPipeline", 128,
     0.13025, 0, "epsilon", false, kEnd, "EulerDiscreteScheduler", kScaled, 0.00085, 0.012},
    {"sdxl_pix2pix", "Stable Diffusion XL InstructPix2Pix",
     "StableDiffusionXLInstructPix2PixPipeline", 128, 0.13025, 0, "epsilon", false, kEnd,
     "EulerDiscreteScheduler", kScaled, 0.00085, 0.012},
    {"sdxl_playground", "Playground v2.5", "StableDiffusionXLPipeline", 128, 0.5, 0, "epsilon",
     false, kEnd, "EDMDPMSolverMultistepScheduler", kScaled, 0.00085, 0.012},
    {"sdxl_refiner", "Stable Diffusion XL refiner", "StableDiffusionXLImg2ImgPipeline", 128,
     0.13025, 0, "epsilon", false, kEnd, "EulerDiscreteScheduler", kScaled, 0.00085, 0.012},
};

const Family& ById(absl::string_view id) {
  for (const Family& family : kFamilies) {
    if (family.id == id) return family;
  }
  return kFamilies[0];
}

}  // namespace

absl::Span<const Family> Families() { return kFamilies; }

const Family& FamilyOf(const FamilyTraits& traits) {
  constexpr int64_t kDepthChannels = 5;
  constexpr int64_t kUpscalerChannels = 7;
  constexpr int64_t kPix2PixChannels = 8;
  constexpr int64_t kInpaintChannels = 9;
  const int64_t channels = traits.in_channels;
  if (traits.sizes) {
    if (traits.five_sizes) return ById("sdxl_refiner");
    if (traits.normalised_latents) return ById("sdxl_playground");
    if (channels == kInpaintChannels) return ById("sdxl_inpaint");
    return ById(channels == kPix2PixChannels ? "sdxl_pix2pix" : "sdxl");
  }
  if (traits.class_labels && channels == kUpscalerChannels) return ById("x4_upscaler");
  if (traits.linear_projection) {
    if (channels == kInpaintChannels) return ById("sd2_inpaint");
    return ById(channels == kDepthChannels ? "sd2_depth" : "sd2");
  }
  if (channels == kInpaintChannels) return ById("sd1_inpaint");
  return ById(channels == kPix2PixChannels ? "sd1_pix2pix" : "sd1");
}

}  // namespace weft
