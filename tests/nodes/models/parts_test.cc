#include "nodes/models/parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "runtime/weights/safetensors.h"
#include "tests/nodes/models/golden.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kUnet[] = "unet_plain_middle";

// A golden UNet's tensors, to be spoilt.
absl::btree_map<std::string, Tensor> UnetTensors() {
  const auto store =
      WeightStore::OpenFolder(GoldenFolder(kUnet) + "/unet", "diffusion_pytorch_model").value();
  absl::btree_map<std::string, Tensor> tensors;
  for (const auto& [name, weight] : store->weights()) tensors[name] = weight.Read().value();
  return tensors;
}

auto BindUnet(absl::btree_map<std::string, Tensor> tensors) {
  const UnetConfig config =
      UnetConfig::From(ConfigReader::Open(GoldenFolder(kUnet) + "/unet/config.json").value())
          .value();
  return BindNetwork<UnetNetwork>(config, WeightStore::Of("unet.safetensors", std::move(tensors)));
}

TEST(Parts, NameEveryTensorThatIsMissing) {
  auto tensors = UnetTensors();
  tensors.erase("mid_block.resnets.0.conv1.weight");
  tensors.erase("down_blocks.1.attentions.1.transformer_blocks.0.attn2.to_k.weight");
  EXPECT_THAT(
      BindUnet(tensors).status().message(),
      AllOf(HasSubstr("\"unet.safetensors\""),
            HasSubstr("\"mid_block.resnets.0.conv1.weight\" is missing"),
            HasSubstr("\"down_blocks.1.attentions.1.transformer_blocks.0.attn2.to_k.weight\" is "
                      "missing")));
}

TEST(Parts, NameATensorOfAnotherShapeWithBothShapes) {
  auto tensors = UnetTensors();
  tensors["conv_in.weight"] = MadeOf({2, 2}, {1, 2, 3, 4});
  EXPECT_THAT(BindUnet(tensors).status().message(),
              HasSubstr("\"conv_in.weight\" has shape [2, 2], expected [8, 4, 3, 3]"));
}

TEST(Parts, ListTensorsThatNothingUses) {
  auto tensors = UnetTensors();
  tensors["down_blocks.7.extra.weight"] = MadeOf({1}, {1});
  const auto bound = BindUnet(tensors);
  ASSERT_TRUE(bound.ok()) << bound.status();
  EXPECT_THAT((*bound)->unused, ElementsAre("down_blocks.7.extra.weight"));
}

TEST(Parts, AreReadOnlyWhenTheyCompute) {
  auto tensors = UnetTensors();
  Tensor& weight = tensors["conv_out.weight"];
  weight = MadeOf(weight.shape(), std::vector<float>(static_cast<size_t>(weight.numel()), NAN));
  const auto bound = BindUnet(tensors);  // looks at names and shapes alone
  ASSERT_TRUE(bound.ok()) << bound.status();
  const UnetNetwork& network = (*bound)->network;
  const Tensor text = MadeOf({1, 1, 16}, std::vector<float>(16, 0.5f));
  const Tensor pictures[] = {MadeOf({1, 4, 8, 8}, std::vector<float>(256, 0.1f))};
  const auto predict = [&](Ops ops) {
    UnetCondition condition{.context = network.EmptyContext()};
    network.AddSegment(ops, text, condition.context);
    return ops.Finish(network(ops, pictures, 10, condition));
  };
  EXPECT_TRUE(predict(MetaOps()).ok());
  EXPECT_THAT(predict(CpuOps()).status().message(), HasSubstr("conv_out.weight"));
}

TEST(Parts, ShareTheirWeightsBetweenLoads) {
  const std::string folder = GoldenFolder("vae_wide") + "/vae";
  const auto first = Vae::Load(folder).value();
  const auto second = Vae::Load(folder + "/../vae", DType::kBF16).value();
  EXPECT_EQ(&first->network(), &second->network());
  EXPECT_EQ(first->ComputeOr(DType::kF32), DType::kF32);
  EXPECT_EQ(second->ComputeOr(DType::kF32), DType::kBF16);
}

TEST(Parts, AreReadAgainAfterTheirFilesChanged) {
  const ScratchFolder scratch;
  const std::string folder = scratch / "vae";
  std::filesystem::copy(GoldenFolder("vae_wide") + "/vae", folder);
  const auto first = Vae::Load(folder).value();
  scratch.Put("vae/note.txt", "another file");
  const auto second = Vae::Load(folder).value();
  EXPECT_NE(&first->network(), &second->network());
}

TEST(Parts, SayWhichFileIsMissing) {
  const ScratchFolder scratch;
  EXPECT_THAT(Unet::Load(scratch.path()).status().message(), HasSubstr("config.json"));
  scratch.Put("config.json", "{}");
  EXPECT_THAT(Unet::Load(scratch.path()).status().message(),
              HasSubstr("diffusion_pytorch_model.safetensors"));
}

TEST(Parts, AreSharedSafelyBetweenThreads) {
  const GoldenTensors golden("vae_two_levels");
  const Tensor latent = golden.Get("latent");
  const auto vae = Vae::Load(GoldenFolder("vae_two_levels") + "/vae").value();
  std::vector<absl::StatusOr<Tensor>> images(3, absl::UnknownError("did not run"));
  std::vector<std::thread> threads;
  for (auto& image : images) {
    threads.emplace_back([&vae, &latent, &image] {
      Ops ops = CpuOps();
      image = ops.Finish(vae->network().Decode(ops, latent));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& image : images) {
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(Distance(*image, *images[0]), 0);
  }
}

}  // namespace
}  // namespace weft
