#ifndef WEFT_NODES_MODELS_FAMILIES_H_
#define WEFT_NODES_MODELS_FAMILIES_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace weft {

// What the tensors of a checkpoint do not say, for each family of models: plain data, as the
// configurations that diffusers publishes have it.
struct Family {
  absl::string_view id;        // "sd1"
  absl::string_view name;      // "Stable Diffusion 1.x"
  absl::string_view pipeline;  // diffusers' class
  int64_t sample_size;         // latent pixels of the pictures it was trained on
  double scaling;              // of latents
  int64_t heads;               // on every level, or 0: a head is 64 channels wide
  absl::string_view prediction;
  bool prediction_guessed;          // files of both kinds exist, with the same tensors
  absl::string_view pad;            // of tokenizer
  absl::string_view scheduler;      // class
  absl::string_view beta_schedule;  // and its numbers
  double beta_start;
  double beta_end;

  bool is_sdxl() const { return id.substr(0, 4) == "sdxl"; }
  bool is_upscaler() const { return id == "x4_upscaler"; }
  bool is_refiner() const { return id == "sdxl_refiner"; }
};

absl::Span<const Family> Families();

// What tells families apart.
struct FamilyTraits {
  int64_t in_channels = 4;
  bool class_labels = false;        // a table of classes: the x4 upscaler's noise levels
  bool sizes = false;               // text_time: the sizes of pictures are embedded
  bool five_sizes = false;          // the refiner's: an aesthetic score in place of the target size
  bool normalised_latents = false;  // the file tells their mean: Playground v2.5's
  bool linear_projection = false;   // SD 2 and later; SD 1 has 1×1 convolutions
};

const Family& FamilyOf(const FamilyTraits& traits);

}  // namespace weft

#endif  // WEFT_NODES_MODELS_FAMILIES_H_
