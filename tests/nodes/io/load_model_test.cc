#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "nodes/io/convert_model.h"
#include "nodes/models/parts.h"
#include "nodes/sampling/scheduler_config.h"
#include "nodes/text/tokenizer.h"
#include "runtime/weights/safetensors.h"
#include "tests/nodes/models/run_node.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {

NodeType LoadModelNode();

namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::vector<std::string>& AllOutputs() {
  static const auto& all =
      *new std::vector<std::string>{"tokenizer", "clip", "unet", "vae", "scheduler_config"};
  return all;
}

// A folder with the parts of a model, copied together from several.
class LoadModel : public ::testing::Test {
 protected:
  LoadModel() {
    const fs::path model = scratch_ / "model";
    fs::create_directories(model);
    // A tokenizer and its own text encoder: others would be refused.
    const fs::path sketch = fs::path(WEFT_SOURCE_DIR) / "examples/models/sketch";
    Copy(sketch / "text_encoder", model / "text_encoder");
    Copy(sketch / "tokenizer", model / "tokenizer");
    Copy(GoldenFolder("unet_sd1") + "/unet", model / "unet");
    Copy(GoldenFolder("vae_four_levels") + "/vae", model / "vae");
    scratch_.Put("model/scheduler/scheduler_config.json",
                 R"({"_class_name": "DDIMScheduler", "beta_start": 0.00085})");
  }
  static void Copy(const fs::path& from, const fs::path& to) {
    fs::copy(from, to, fs::copy_options::recursive);
  }
  absl::StatusOr<Values> Load(std::vector<std::string> wanted, NodeRun how = {},
                              const std::string& path = "model",
                              const std::string& precision = "auto") {
    how.wanted = std::move(wanted);
    how.graph_folder = scratch_.path();
    return RunNode(LoadModelNode(), {{"path", Value(path)}, {"precision", Value(precision)}}, how);
  }

  const ScratchFolder scratch_;
};

TEST_F(LoadModel, OpensAllParts) {
  const auto outputs = Load(AllOutputs());
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  for (const std::string& name : AllOutputs()) {
    ASSERT_TRUE(outputs->contains(name)) << name;
    EXPECT_NE(outputs->at(name).AsObject(), nullptr) << name;
  }
  EXPECT_EQ(outputs->at("unet").AsObject()->traits().at("in_channels"), 4);
  EXPECT_EQ(outputs->at("unet").AsObject()->traits().at("width"), 24);
  EXPECT_EQ(outputs->at("clip").AsObject()->traits().at("width"), 128);
  EXPECT_EQ(outputs->at("vae").AsObject()->traits().at("channels"), 4);
  EXPECT_EQ(outputs->at("vae").AsObject()->traits().at("scale"), 8);
}

TEST_F(LoadModel, DoesTheSameInADryRun) {
  const auto outputs = Load(AllOutputs(), {.dry = true});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_THAT(*outputs, SizeIs(5));
}

TEST_F(LoadModel, OpensWhatIsWiredAlone) {
  fs::remove_all(scratch_ / "model/unet");
  scratch_.Put("model/vae/config.json", "not JSON");
  const auto outputs = Load({"clip", "scheduler_config"});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_THAT(*outputs, SizeIs(2));
}

TEST_F(LoadModel, SaysWhichPartIsMissingAndWhichAreThere) {
  fs::remove_all(scratch_ / "model/unet");
  const auto outputs = Load(AllOutputs());
  EXPECT_THAT(outputs.status().message(),
              AllOf(HasSubstr("has no folder \"unet\", which is wired here"),
                    HasSubstr("it has scheduler, text_encoder, tokenizer, vae")));
}

TEST_F(LoadModel, NamesTheFileOfAPartThatIsBroken) {
  scratch_.Put("model/unet/diffusion_pytorch_model.safetensors", "short");
  EXPECT_THAT(Load({"unet"}).status().message(),
              HasSubstr("model/unet/diffusion_pytorch_model.safetensors"));
  scratch_.Put("model/vae/config.json", R"({"block_out_channels": []})");
  EXPECT_THAT(Load({"vae"}).status().message(),
              AllOf(HasSubstr("model/vae/config.json"), HasSubstr("\"block_out_channels\" is []")));
}

TEST_F(LoadModel, SaysWhereItLookedForAModel) {
  const auto outputs = Load({"vae"}, {}, "models/none");
  EXPECT_EQ(PortOf(outputs.status()), "path");
  EXPECT_THAT(outputs.status().message(), HasSubstr("\"models/none\" was not found"));
}

TEST_F(LoadModel, RefusesAFileThatIsNoModel) {
  scratch_.Put("file.safetensors", "");
  const auto outputs = Load({"vae"}, {}, "file");
  EXPECT_EQ(PortOf(outputs.status()), "path");
  EXPECT_THAT(outputs.status().message(), HasSubstr("file.safetensors\": is empty"));
}

// The parts of the folder as one file under the original names.
class LoadFile : public LoadModel {
 protected:
  void Write(const std::string& path) {
    fs::remove_all(scratch_ / "model/text_encoder");  // its tiny vocabulary is not CLIP's
    fs::remove_all(scratch_ / "model/unet");
    const auto checkpoint = OpenCheckpoint(scratch_ / "model");
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    const absl::Status written = WriteSingleFile(*checkpoint, scratch_ / path, {});
    ASSERT_TRUE(written.ok()) << written;
  }
};

TEST_F(LoadFile, IsFoundWithoutItsEnding) {
  Write("single.safetensors");
  const auto outputs = Load({"vae"}, {}, "single");
  // The golden's widths are not multiples of the 32 groups that files have.
  EXPECT_THAT(outputs.status().message(), HasSubstr("norm_num_groups"));
}

TEST_F(LoadFile, SaysWhichPartsAFileHas) {
  Write("single.safetensors");
  EXPECT_THAT(Load({"unet"}, {}, "single").status().message(),
              HasSubstr("has no unet, which is wired here; it has vae"));
}

TEST_F(LoadModel, GivesItsPartsAPrecision) {
  const auto compute = [&](const std::string& precision) {
    const auto outputs = Load({"unet"}, {}, "model", precision);
    return dynamic_cast<const Unet*>(outputs->at("unet").AsObject())->ComputeOr(DType::kF32);
  };
  EXPECT_EQ(compute("auto"), DType::kF32);
  EXPECT_EQ(compute("bf16"), DType::kBF16);
}

TEST_F(LoadModel, TellsOfTensorsThatNothingUses) {
  std::vector<Event> events;
  ASSERT_TRUE(Load(AllOutputs(), {.events = &events}).ok());
  EXPECT_THAT(events, IsEmpty());
  const std::string file = scratch_ / "model/vae/diffusion_pytorch_model.safetensors";
  const auto store = WeightStore::Open(file).value();
  absl::btree_map<std::string, Tensor> tensors;
  for (const auto& [name, weight] : store->weights()) tensors[name] = weight.Read().value();
  tensors["extra.weight"] = MadeOf({1}, {1});
  const std::string more = scratch_ / "model/vae/more.safetensors";
  ASSERT_TRUE(WriteSafetensors(more, tensors).ok());
  tensors.clear();
  fs::rename(more, file);
  ASSERT_TRUE(Load({"vae"}, {.events = &events}).ok());
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_THAT(events[0].message, HasSubstr("1 tensors are not used: extra.weight"));
}

}  // namespace
}  // namespace weft
