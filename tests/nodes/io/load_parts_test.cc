// LoadUnet, LoadClip and LoadVae, on the sketch model's parts; and what files say of training.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "nodes/io/convert_model.h"
#include "nodes/models/parts.h"
#include "runtime/base/file.h"
#include "runtime/weights/safetensors_stream.h"
#include "tests/nodes/models/run_node.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {

NodeType LoadClipNode();
NodeType LoadModelNode();
NodeType LoadUnetNode();
NodeType LoadVaeNode();

namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Sketch() { return std::string(WEFT_SOURCE_DIR) + "/examples/models/sketch"; }

absl::StatusOr<Values> Load(NodeType type, const std::string& path, const std::string& wanted,
                            Values more = {}) {
  more.emplace("path", Value(path));
  return RunNode(std::move(type), more, {.wanted = {wanted}});
}

// One part of the sketch model in a file of its own.
class OneFile : public ::testing::Test {
 protected:
  std::string Write(const std::string& part, bool original) {
    const NamedWeights weights =
        OpenPartFolder(Sketch() + "/" + part, part).value().store->weights();
    const std::string path = scratch_ / (part + ".safetensors");
    EXPECT_TRUE(
        StreamSafetensors(path, original ? UnetToOriginal(weights).weights : weights, {}).ok());
    return path;
  }
  const ScratchFolder scratch_;
};

TEST_F(OneFile, HoldsAUnetUnderEitherNames) {
  for (const bool original : {false, true}) {
    const auto outputs = Load(LoadUnetNode(), Write("unet", original), "unet");
    ASSERT_TRUE(outputs.ok()) << outputs.status();
    const auto* unet = dynamic_cast<const Unet*>(outputs->at("unet").AsObject());
    EXPECT_EQ(unet->network().config().in_channels, 4);
    EXPECT_TRUE(unet->unused().empty());
  }
}

TEST_F(OneFile, OfAUnetHasNoVae) {
  EXPECT_THAT(Load(LoadVaeNode(), Write("unet", true), "vae").status().message(),
              AllOf(HasSubstr("has no vae, which is wired here; it has unet"),
                    HasSubstr("Stable Diffusion")));
}

TEST_F(OneFile, HoldsATextEncoder) {
  const auto outputs = Load(LoadClipNode(), Write("text_encoder", false), "clip",
                            {{"encoder", Value(std::string("text_encoder_2"))}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_EQ(outputs->at("clip").AsObject()->traits().at("width"), 128);
}

TEST(LoadClip, TakesAWholeModelOrATextEncodersFolder) {
  for (const char* path : {"", "/text_encoder"}) {
    const auto clip = Load(LoadClipNode(), Sketch() + path, "clip");
    ASSERT_TRUE(clip.ok()) << clip.status();
    const auto* encoder = dynamic_cast<const ClipTextEncoder*>(clip->at("clip").AsObject());
    EXPECT_TRUE(encoder->network().config().own_ids.has_value()) << path;
    EXPECT_TRUE(Load(LoadClipNode(), Sketch() + path, "tokenizer").ok()) << path;
  }
}

TEST_F(OneFile, OfAnAutoencoderSaysThatItsScaleIsAGuess) {
  const std::string path = Write("vae", false);
  const auto notices = [&path](double factor) {
    std::vector<Event> events;
    const Values inputs = {{"path", Value(path)}, {"scaling_factor", Value(factor)}};
    // Norms of a file alone count as SD's, in 32 groups, which the sketch model's have not.
    EXPECT_FALSE(RunNode(LoadVaeNode(), inputs, {.wanted = {"vae"}, .events = &events}).ok());
    return events;
  };
  ASSERT_EQ(notices(0).size(), 1u);
  EXPECT_THAT(notices(0)[0].message, HasSubstr("took 0.18215"));
  EXPECT_TRUE(notices(0.13025).empty());
}

// transformers writes "architectures" when it saves a model, not when it saves a config.
TEST(LoadClip, FindsTheProjectionInTheWeightsWhereTheConfigNamesNoClass) {
  const ScratchFolder scratch;
  fs::copy(std::string(WEFT_SOURCE_DIR) + "/tests/goldens/families/sdxl/text_encoder_2",
           scratch / "text_encoder_2");
  const std::string path = scratch / "text_encoder_2/config.json";
  auto config = nlohmann::json::parse(ReadFile(path, 1 << 16).value());
  ASSERT_EQ(config.erase("architectures"), 1u);
  ASSERT_TRUE(WriteFile(path, config.dump()).ok());
  const auto clip = Load(LoadClipNode(), scratch / "text_encoder_2", "clip");
  ASSERT_TRUE(clip.ok()) << clip.status();
  const auto* encoder = dynamic_cast<const ClipTextEncoder*>(clip->at("clip").AsObject());
  EXPECT_GT(encoder->network().config().projection_width, 0);
}

TEST(LoadVae, ScalesAsItIsTold) {
  const auto scaling = [](double factor) {
    const auto outputs =
        Load(LoadVaeNode(), Sketch() + "/vae", "vae", {{"scaling_factor", Value(factor)}});
    return dynamic_cast<const Vae*>(outputs.value().at("vae").AsObject())
        ->network()
        .config()
        .scaling;
  };
  EXPECT_EQ(scaling(0.5), 0.5);
  EXPECT_NE(scaling(0), 0.5);
}

TEST(MixedModel, IsRefusedForItsTokenizer) {
  const ScratchFolder scratch;
  fs::copy(Sketch(), scratch / "mixed", fs::copy_options::recursive);
  fs::remove_all(scratch / "mixed/tokenizer");
  fs::copy(std::string(WEFT_SOURCE_DIR) + "/tests/goldens/tokenizer", scratch / "mixed/tokenizer",
           fs::copy_options::recursive);
  EXPECT_THAT(Load(LoadModelNode(), scratch / "mixed", "clip").status().message(),
              AllOf(HasSubstr("the text encoder knows"), HasSubstr("the tokenizer beside it has"),
                    HasSubstr("they are not of one model")));
}

// What SD 2's tensors do not say survives a single file.
TEST(WriteSingleFile, SaysWhatTheUnetPredicts) {
  for (const std::string prediction : {"epsilon", "v_prediction"}) {
    const ScratchFolder scratch;
    fs::create_directories(scratch / "model");
    fs::copy(GoldenFolder("unet_sd2") + "/unet", scratch / "model/unet",
             fs::copy_options::recursive);
    scratch.Put("model/scheduler/scheduler_config.json",
                R"({"rescale_betas_zero_snr": true, "prediction_type": ")" + prediction + "\"}");
    const auto folder = OpenCheckpoint(scratch / "model");
    ASSERT_TRUE(folder.ok()) << folder.status();
    const std::string path = scratch / "single.safetensors";
    const absl::Status written = WriteSingleFile(*folder, path, {.stream = {.dtype = DType::kF16}});
    ASSERT_TRUE(written.ok()) << written;
    const auto file = OpenCheckpoint(path);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(file->family->id, "sd2");
    EXPECT_EQ(file->training.prediction, prediction);
    EXPECT_FALSE(file->training.prediction_guessed);
    EXPECT_TRUE(file->training.zero_snr);
    EXPECT_TRUE(file->unused.empty());
  }
}

}  // namespace
}  // namespace weft
