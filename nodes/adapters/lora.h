#ifndef WEFT_NODES_ADAPTERS_LORA_H_
#define WEFT_NODES_ADAPTERS_LORA_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nodes/adapters/lora_names.h"
#include "runtime/graph/value.h"
#include "runtime/weights/weight_adapter.h"

namespace weft {

// What a LoRA file says about one module of a network.
struct LoraModule {
  std::string file_name;  // as the file spells it
  ModuleName name;
  std::shared_ptr<const WeightAdapter> weight;  // or null
  std::shared_ptr<const WeightAdapter> bias;    // or null
};

// A file of adapters (LoRA, LoCon, LoHa, LoKr, DoRA) in any dialect. Opening reads headers and
// alphas alone.
class Lora : public Object {
 public:
  static constexpr absl::string_view kTypeName = "lora";

  // `path`: a weight file, or a folder that PEFT or diffusers has saved. Where a dialect does not
  // say which network its modules are of, `part` does, or else their names do.
  static absl::StatusOr<std::shared_ptr<const Lora>> Open(const std::string& path,
                                                          std::optional<LoraPart> part);

  const std::string& path() const { return path_; }
  const std::vector<LoraModule>& modules() const { return modules_; }
  // Tensors that no dialect explains.
  const std::vector<std::string>& unknown() const { return unknown_; }
  // The width of the text that its cross-attentions look at; 0 where it changes none.
  int64_t text_width() const { return text_width_; }
  // "LoRA", "LoHa", "LoKr", "DoRA" or "difference", those that there are.
  std::vector<std::string> Kinds() const;
  // "LoRA for SDXL (kohya, rank 16), modules: 722 of the UNet, 264 of the text encoder".
  std::string Description() const;
  size_t CountOf(LoraPart part) const;

  absl::string_view type_name() const override { return kTypeName; }

 private:
  Lora() = default;

  std::string path_;
  std::vector<LoraModule> modules_;
  std::vector<std::string> unknown_;
  int64_t text_width_ = 0;
};

// "SD 1.x" for 768, "SD 2.x" for 1024, "SDXL" for 2048, "SDXL's refiner" for 1280; else "".
absl::string_view FamilyOfTextWidth(int64_t width);

}  // namespace weft

#endif  // WEFT_NODES_ADAPTERS_LORA_H_
