#ifndef WEFT_NODES_MODELS_PARTS_H_
#define WEFT_NODES_MODELS_PARTS_H_

#include "nodes/models/checkpoint.h"
#include "nodes/models/clip_text.h"
#include "nodes/models/model_part.h"
#include "nodes/models/unet.h"
#include "nodes/models/vae.h"
#include "nodes/models/vae_preview.h"

namespace weft {

// The parts of a model that hold weights: from a folder of diffusers' layout, or from wherever a
// checkpoint was opened. Load reads the config and the header of the weights, no more. While
// anything holds a part, loading the same files again shares its weights.

// A text encoder. Trait `width`: of a token's hidden state.
class ClipTextEncoder : public ModelPart<ClipText> {
 public:
  static constexpr absl::string_view kTypeName = "clip";
  using ModelPart::ModelPart;
  static absl::StatusOr<std::shared_ptr<const ClipTextEncoder>> Load(
      const std::string& folder, std::optional<DType> precision = std::nullopt);
  static absl::StatusOr<std::shared_ptr<const ClipTextEncoder>> Load(
      const PartSource& source, std::optional<DType> precision = std::nullopt);

  absl::string_view type_name() const override { return kTypeName; }
  Traits traits() const override { return {{"width", network().config().width}}; }
};

// A denoiser. Traits `in_channels`; `width`: of the text's hidden states that it looks at.
class Unet : public ModelPart<UnetNetwork> {
 public:
  static constexpr absl::string_view kTypeName = "unet";
  using ModelPart::ModelPart;
  static absl::StatusOr<std::shared_ptr<const Unet>> Load(
      const std::string& folder, std::optional<DType> precision = std::nullopt);
  static absl::StatusOr<std::shared_ptr<const Unet>> Load(
      const PartSource& source, std::optional<DType> precision = std::nullopt);

  absl::string_view type_name() const override { return kTypeName; }
  Traits traits() const override {
    return {{"in_channels", network().config().in_channels},
            {"width", network().config().context_width}};
  }
};

// An autoencoder. Traits `channels`: of a latent; `scale`: pixels of a picture on one of a
// latent, in each direction.
class Vae : public ModelPart<VaeNetwork> {
 public:
  static constexpr absl::string_view kTypeName = "vae";
  using ModelPart::ModelPart;
  static absl::StatusOr<std::shared_ptr<const Vae>> Load(
      const std::string& folder, std::optional<DType> precision = std::nullopt);
  static absl::StatusOr<std::shared_ptr<const Vae>> Load(
      const PartSource& source, std::optional<DType> precision = std::nullopt);

  absl::string_view type_name() const override { return kTypeName; }
  Traits traits() const override {
    return {{"channels", network().config().latent_channels},
            {"scale", network().config().scale()}};
  }
  const VaePreview& preview() const { return preview_; }

 private:
  VaePreview preview_;
};

}  // namespace weft

#endif  // WEFT_NODES_MODELS_PARTS_H_
