// LoRAs put on a UNet and taken off again in a loop of a script.

#include <gtest/gtest.h>

#include <atomic>

#include "lua/attach.h"
#include "lua/program.h"
#include "nodes/models/parts.h"
#include "nodes/weft_runtime.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

std::atomic<int64_t> reads{0};

class CountingFile : public WeightFile {
 public:
  explicit CountingFile(Weight weight) : weight_(std::move(weight)), path_("counted") {}
  const std::string& path() const override { return path_; }
  absl::StatusOr<Tensor> Read(size_t) const override {
    ++reads;
    return weight_.Read();
  }

 private:
  Weight weight_;
  std::string path_;
};

constexpr In<Unet> kUnet{.name = "unet", .doc = "Any."};
constexpr Out<Unet> kCounted{.name = "unet", .doc = "The same; its reads are counted."};
constexpr Out<int64_t> kReads{.name = "reads", .doc = "How many tensors have been read."};

absl::Status CountUnet(NodeContext& ctx) {
  const std::shared_ptr<const Unet> unet = ctx.Get(kUnet);
  absl::btree_map<std::string, Weight> counted;
  for (const auto& [name, weight] : unet->store()->weights()) {
    counted.emplace(name, Weight(std::make_shared<CountingFile>(weight), 0, name, weight.dtype(),
                                 weight.shape()));
  }
  WEFT_ASSIGN_OR_RETURN(const auto bound,
                        BindNetwork<UnetNetwork>(unet->network().config(),
                                                 WeightStore::OfWeights("counted", counted)));
  ctx.Set(kCounted, std::make_shared<const Unet>(bound));
  return absl::OkStatus();
}

absl::Status TellReads(NodeContext& ctx) {
  ctx.Set(kReads, reads.load());
  return absl::OkStatus();
}

constexpr char kScript[] = R"(
  local model = weft.LoadModel{path = "models/sketch"}
  local unet = weft.CountedUnet{unet = model.unet}
  local lora = weft.LoadLora{path = "models/sketch_night"}
  local scheduler = weft.EulerDiscreteScheduler{config = model.scheduler_config}
  local times = weft.Timesteps{scheduler = scheduler, num_inference_steps = 4}
  local text = weft.EncodePrompt{tokenizer = model.tokenizer, clip = model.clip, text = "a red circle"}
  local latent = weft.randn({1, 4, 16, 16}, 1)
  local function predict(with)
    return weft.PredictNoise{denoiser = weft.Guidance{unet = with, positive = text},
                             latent = latent, step = times.first}
  end
  local plain = predict(unet)
  local once = weft.ReadsSoFar{}
  assert(once > 100, once)
  local by_weight = {}
  for _, weight in ipairs{1, 0.5, -1, 1, 0.5} do
    local noise = predict(weft.ApplyLora{unet = unet, lora = lora, weight = weight, mode = MODE}.unet)
    assert((noise - plain):abs():max() > 0.01, "the LoRA does not show")
    if by_weight[weight] then assert((noise - by_weight[weight]):abs():max() == 0) end
    by_weight[weight] = noise
  end
  assert((by_weight[1] - by_weight[0.5]):abs():max() > 0.01)
  assert((predict(unet) - plain):abs():max() == 0, "the LoRA did not come off")
  assert((weft.ReadsSoFar{} == once) == (MODE == "live"), weft.ReadsSoFar{} .. " of " .. once)
)";

absl::Status RunScript(const std::string& script) {
  static WeftRuntime* const weft = [] {
    std::unique_ptr<WeftRuntime> made = *WeftRuntime::Make("", "");
    EXPECT_TRUE(AttachLua(*made).ok());
    Registry& nodes = made->registry();
    EXPECT_TRUE(nodes
                    .Add({Contract{.type = "CountedUnet",
                                   .doc = "A UNet whose reads are counted.",
                                   .category = "test",
                                   .inputs = {kUnet},
                                   .outputs = {kCounted}},
                          CountUnet})
                    .ok());
    EXPECT_TRUE(nodes
                    .Add({Contract{.type = "ReadsSoFar",
                                   .doc = "How many tensors have been read.",
                                   .category = "test",
                                   .outputs = {kReads}},
                          TellReads})
                    .ok());
    return made.release();
  }();
  absl::StatusOr<std::unique_ptr<LuaProgram>> program = LuaProgram::Make(*weft, nullptr);
  if (!program.ok()) return program.status();
  return (*program)->RunText(script, "@switching.lua");
}

TEST(SwitchingLoras, LiveOnesReadTheBaseOnce) {
  const absl::Status ran = RunScript(std::string("local MODE = \"live\"\n") + kScript);
  EXPECT_TRUE(ran.ok()) << ran.message();
}

TEST(SwitchingLoras, MergedOnesReadWhatTheyChange) {
  const absl::Status ran = RunScript(std::string("local MODE = \"merged\"\n") + kScript);
  EXPECT_TRUE(ran.ok()) << ran.message();
}

}  // namespace
}  // namespace weft
