#include "nodes/adapters/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "nodes/models/parts.h"
#include "tests/nodes/models/run_node.h"

namespace weft {

NodeType LoadLoraNode();
NodeType ApplyLoraNode();

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string LoraPath(const std::string& name) {
  const std::string folder = std::string(WEFT_SOURCE_DIR) + "/tests/goldens/lora/" + name;
  return name.rfind("peft", 0) == 0 ? folder : folder + ".safetensors.zst";
}

Tensor Expected(const std::string& name) {
  static const auto& store = *new std::shared_ptr<WeightStore>(
      WeightStore::Open(std::string(WEFT_SOURCE_DIR) + "/tests/goldens/lora/expected.safetensors")
          .value());
  return store->Find(name)->Read().value();
}

// The goldens hold the first of a batch.
Tensor FirstOf(const Tensor& batch) { return batch.Rows(0, 1).value(); }

template <typename Part>
Value Wired(const std::shared_ptr<const Part>& part) {
  return Value(std::shared_ptr<const Object>(part));
}

Value LoadedLora(const std::string& name) {
  return RunNode(LoadLoraNode(), {{"path", Value(LoraPath(name))}}).value().at("lora");
}

absl::StatusOr<Values> Apply(const std::string& name, Values inputs, const std::string& mode,
                             double weight = 1.0, NodeRun how = {}) {
  inputs["lora"] = LoadedLora(name);
  inputs["mode"] = Value(mode);
  inputs["weight"] = Value(weight);
  if (how.wanted.empty()) {
    for (const char* port : {"unet", "clip", "clip_2"}) {
      if (inputs.contains(port)) how.wanted.push_back(port);
    }
  }
  return RunNode(ApplyLoraNode(), inputs, how);
}

std::shared_ptr<const Unet> GoldenUnet() {
  return Unet::Load(GoldenFolder("unet_sd1") + "/unet").value();
}

Tensor Predict(const Unet& unet, Ops ops) {
  const GoldenTensors golden("unet_sd1");
  UnetCondition condition{.context = unet.network().EmptyContext()};
  unet.network().AddSegment(ops, golden.Get("encoder_hidden_states.0"), condition.context);
  const Tensor pictures[] = {golden.Get("sample.0")};
  auto noise = ops.Finish(
      unet.network()(ops, pictures, golden.Get("timestep.0").data<float>()[0], condition));
  EXPECT_TRUE(noise.ok()) << noise.status();
  return FirstOf(noise.value());
}

std::shared_ptr<const Unet> UnetOf(const absl::StatusOr<Values>& values) {
  EXPECT_TRUE(values.ok()) << values.status();
  return std::static_pointer_cast<const Unet>(values->at("unet").SharedObject());
}

class LoraGolden : public ::testing::TestWithParam<std::tuple<const char*, const char*, DType>> {};

TEST_P(LoraGolden, ChangesTheUnetAsPeftDoes) {
  const auto& [name, mode, compute] = GetParam();
  const auto unet = UnetOf(Apply(name, {{"unet", Wired(GoldenUnet())}}, mode));
  ExpectParity(name, Predict(*unet, CpuOps(compute)), Expected(name), compute);
  EXPECT_TRUE(Predict(*unet, MetaOps(compute)).is_meta());
}

INSTANTIATE_TEST_SUITE_P(
    Dialects, LoraGolden,
    ::testing::Combine(::testing::Values("peft", "peft_dora", "peft_loha", "peft_lokr", "kohya",
                                         "kohya_original", "kohya_dora", "kohya_loha", "kohya_lokr",
                                         "kohya_core", "kohya_diff", "diffusers", "diffusers_old"),
                       ::testing::Values("merged", "live"),
                       ::testing::Values(DType::kF32, DType::kBF16)),
    [](const auto& of) {
      return std::string(std::get<0>(of.param)) + "_" + std::get<1>(of.param) + "_" +
             std::string(Name(std::get<2>(of.param)));
    });

TEST(ApplyLora, SeveralAddUpWithTheirWeights) {
  for (const auto& [first, second] :
       {std::pair{"merged", "merged"}, {"live", "live"}, {"merged", "live"}, {"live", "merged"}}) {
    const auto one = Apply("diffusers", {{"unet", Wired(GoldenUnet())}}, first, 0.7);
    const auto both = Apply("diffusers_old", {{"unet", Wired(UnetOf(one))}}, second, -0.4);
    ExpectParity(absl::StrCat(first, " then ", second), Predict(*UnetOf(both), CpuOps()),
                 Expected("two_at_once"), DType::kF32);
  }
}

TEST(ApplyLora, ChangesBothTextEncoders) {
  for (const char* mode : {"merged", "live"}) {
    const auto load = [](const char* name) {
      return ClipTextEncoder::Load(GoldenFolder(name) + "/text_encoder").value();
    };
    const auto values = Apply(
        "kohya_text",
        {{"clip", Wired(load("clip_quick_gelu"))}, {"clip_2", Wired(load("clip_projection"))}},
        mode);
    ASSERT_TRUE(values.ok()) << values.status();
    for (const auto& [port, name] :
         {std::pair{"clip", "clip_quick_gelu"}, {"clip_2", "clip_projection"}}) {
      const auto clip =
          std::static_pointer_cast<const ClipTextEncoder>(values->at(port).SharedObject());
      Ops ops = CpuOps();
      const Tensor ids =
          GoldenTensors(name).Get("input_ids").To(DType::kI32, Allocator(Device::kCpu)).value();
      const ClipText::Output output = clip->network()(ops, ids, {.pooled = true});
      ASSERT_TRUE(ops.status().ok()) << ops.status();
      ExpectParity(port, FirstOf(port == std::string("clip") ? output.hidden : output.pooled),
                   Expected(absl::StrCat("kohya_text.", port)), DType::kF32);
    }
  }
}

// Counts how often its tensors are read.
class CountingFile : public WeightFile {
 public:
  CountingFile(Weight weight, std::atomic<int>& reads)
      : weight_(std::move(weight)), path_("counted"), reads_(reads) {}
  const std::string& path() const override { return path_; }
  absl::StatusOr<Tensor> Read(size_t) const override {
    ++reads_;
    return weight_.Read();
  }

 private:
  Weight weight_;
  std::string path_;
  std::atomic<int>& reads_;
};

TEST(ApplyLora, SwitchingLiveOnesReadsTheBaseOnce) {
  const auto plain = GoldenUnet();
  std::atomic<int> reads{0};
  absl::btree_map<std::string, Weight> counted;
  for (const auto& [name, weight] : plain->store()->weights()) {
    counted.emplace(name, Weight(std::make_shared<CountingFile>(weight, reads), 0, name,
                                 weight.dtype(), weight.shape()));
  }
  const auto bound = BindNetwork<UnetNetwork>(plain->network().config(),
                                              WeightStore::OfWeights("counted", counted));
  ASSERT_TRUE(bound.ok()) << bound.status();
  const auto base = std::make_shared<const Unet>(*bound);
  Predict(*base, CpuOps());
  const int once = reads;
  EXPECT_GT(once, 0);
  for (const char* name : {"kohya", "peft", "peft_loha", "diffusers", "kohya"}) {
    const auto unet = UnetOf(Apply(name, {{"unet", Wired(base)}}, "live"));
    ExpectParity(name, Predict(*unet, CpuOps()), Expected(name), DType::kF32);
    EXPECT_EQ(reads, once) << "read again for " << name;
  }
  // Merged, only the layers that it changes are read again.
  Predict(*UnetOf(Apply("kohya_diff", {{"unet", Wired(base)}}, "merged")), CpuOps());
  EXPECT_GT(reads, once);
  EXPECT_LE(reads, once + 6);
}

TEST(ApplyLora, RefusesAnotherFamilyAndNamesBoth) {
  const auto other = Unet::Load(GoldenFolder("unet_uneven") + "/unet").value();
  const auto values = Apply("kohya", {{"unet", Wired(other)}}, "merged", 1.0, {.dry = true});
  ASSERT_FALSE(values.ok());
  EXPECT_THAT(std::string(values.status().message()),
              AllOf(HasSubstr("this LoRA is for text width 24"), HasSubstr("the UNet"),
                    HasSubstr("unet_uneven")));
}

TEST(ApplyLora, RefusesALoraThatChangesNothingWiredHere) {
  const auto values = Apply("kohya_text", {{"unet", Wired(GoldenUnet())}}, "merged");
  ASSERT_FALSE(values.ok());
  EXPECT_THAT(std::string(values.status().message()),
              AllOf(HasSubstr("changes nothing that is wired here"), HasSubstr("text encoder")));
}

TEST(ApplyLora, SaysThatTheTextEncodersPartIsNotUsed) {
  std::vector<Event> events;
  ASSERT_TRUE(
      Apply("diffusers", {{"unet", Wired(GoldenUnet())}}, "merged", 1.0, {.events = &events}).ok());
  ASSERT_EQ(events.size(), 1u);
  EXPECT_THAT(events[0].message, HasSubstr("for the text encoder, which is not wired to \"clip\""));
}

TEST(ApplyLora, NamesTheLayerThatDoesNotFit) {
  const auto store =
      WeightStore::Of("base", {{"conv_in.weight", MadeOf(Shape{4, 3}, std::vector<float>(12))}});
  const auto lora = Lora::Open(LoraPath("kohya"), std::nullopt).value();
  const auto adapted = Adapt(store, *lora, LoraPart::kUnet, 1.0, LoraMode::kMerged);
  ASSERT_FALSE(adapted.ok());
  EXPECT_THAT(std::string(adapted.status().message()),
              AllOf(HasSubstr("lora_unet_conv_in"), HasSubstr("does not fit \"conv_in\""),
                    HasSubstr("[4, 3]")));
}

}  // namespace
}  // namespace weft
