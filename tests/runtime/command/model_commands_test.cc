// weft inspect, convert-model and models.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/runtime/command/command_fixture.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Command, InspectOfAnEmptyFolderIsAnError) {
  const ScratchFolder folder;
  folder.Put("model/readme.txt", "nothing");
  const Ended ended = Weft(folder, "inspect model");
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.err, "weft: \"model\": holds no part of a model: no config, no weights\n");
}

TEST(Command, InspectOfAnotherFileIsAnError) {
  const ScratchFolder folder;
  folder.Put("model.bin", "nothing");
  const Ended ended = Weft(folder, "inspect model.bin");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, HasSubstr("model.bin"));
}

TEST(Command, InspectCountsTensorsAndFindsModelsAlongWeftModels) {
  const ScratchFolder folder;
  folder.Put("store/tiny/part/config.json",
             R"({"_class_name": "Net", "width": 8, "_version": "1"})");
  const std::string header = R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  folder.Put("store/tiny/part/net.safetensors", bytes + header + std::string(24, '\0'));
  const Ended ended = Weft(folder, "inspect models/tiny", "WEFT_MODELS=store");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("\npart\n  config.json: Net\n    width = 8\n"),
                               HasSubstr("net.safetensors: 1 tensors, 6 parameters, F32, 24 B"),
                               Not(HasSubstr("_version"))));
}

const std::string& Sketch() {
  static const auto& path = *new std::string(WEFT_SOURCE_DIR "/examples/models/sketch");
  return path;
}

TEST(Command, ConvertModelWritesFilesThatInspectKnows) {
  const ScratchFolder folder;
  const Ended single = Weft(folder, "convert-model '" + Sketch() + "' one.safetensors.zst --zstd");
  ASSERT_EQ(single.code, 0) << single.err;
  EXPECT_EQ(single.out, "one.safetensors.zst\n");
  const Ended ended = Weft(folder, "inspect --json one.safetensors.zst");
  ASSERT_EQ(ended.code, 0) << ended.err;
  const auto said = nlohmann::json::parse(ended.out);
  EXPECT_EQ(said["kind"], "model");
  EXPECT_THAT(said["layout"].get<std::string>(), HasSubstr("LDM"));
  EXPECT_EQ(said["parts"].size(), 3u);
  EXPECT_TRUE(said["unused"].empty()) << said["unused"];
  EXPECT_TRUE(said["parts"]["unet"]["unused"].empty());
  EXPECT_FALSE(said["parts"]["unet"].contains("wrong")) << said["parts"]["unet"];

  EXPECT_EQ(Weft(folder, "convert-model '" + Sketch() + "' half --dtype f16").code, 0);
  EXPECT_THAT(Weft(folder, "inspect half").out, HasSubstr("F16"));
}

TEST(Command, ConvertModelTakesAPartsOwnFolder) {
  const ScratchFolder folder;
  for (const std::string part : {"unet", "vae", "text_encoder"}) {
    const std::string file = part + ".safetensors";
    const Ended done = Weft(folder, "convert-model '" + Sketch() + "/" + part + "' " + file);
    ASSERT_EQ(done.code, 0) << done.err;
    const auto said = nlohmann::json::parse(Weft(folder, "inspect --json " + file).out);
    ASSERT_TRUE(said["parts"].contains(part)) << said;
    // Norms of a file count as SD's, in 32 groups, which the sketch model's have not.
    EXPECT_EQ(said["parts"][part].contains("wrong"), part == "vae") << said["parts"][part];
    EXPECT_TRUE(said["unused"].empty());
  }
}

TEST(Command, ConvertModelSaysWhatIsWrongAndLeavesNothing) {
  const ScratchFolder folder;
  const Ended missing = Weft(folder, "convert-model nowhere out");
  EXPECT_NE(missing.code, 0);
  EXPECT_THAT(missing.err, HasSubstr("\"nowhere\" was not found"));
  const Ended ending = Weft(folder, "convert-model '" + Sketch() + "' out.bin --layout single");
  EXPECT_NE(ending.code, 0);
  EXPECT_THAT(ending.err, HasSubstr("ends in .safetensors"));
  EXPECT_EQ(Weft(folder, "convert-model x y --dtype int8").code, 2);
  folder.Put("there/file", "");
  const Ended taken = Weft(folder, "convert-model '" + Sketch() + "' there");
  EXPECT_NE(taken.code, 0);
  EXPECT_THAT(taken.err, HasSubstr("is there already"));
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
  EXPECT_FALSE(std::filesystem::exists(folder / "out.bin"));
}

TEST(Command, ModelsListsWhatGraphsMayName) {
  const ScratchFolder folder;
  folder.Put("store/broken.safetensors", "short");
  ASSERT_EQ(Weft(folder, "convert-model '" + Sketch() + "' store/mine.safetensors").code, 0);
  const Ended ended = Weft(folder, "models", "WEFT_MODELS=store");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("mine.safetensors"), HasSubstr("Stable Diffusion"),
                               HasSubstr("broken.safetensors"), HasSubstr("cannot be read")));
}

TEST(Command, InspectTellsOfLorasInEachDialect) {
  const ScratchFolder folder;
  const std::string goldens = WEFT_SOURCE_DIR "/tests/goldens/lora/";
  const auto said = [&](const char* file) {
    return Weft(folder, "inspect '" + goldens + file + "'").out;
  };
  EXPECT_THAT(said("diffusers.safetensors.zst"),
              HasSubstr("LoRA (diffusers, rank 2), modules: 110 of the UNet, 20 of the text "
                        "encoder: 260 tensors"));
  EXPECT_THAT(said("kohya_diff.safetensors.zst"), HasSubstr("difference (kohya), modules: 3"));
  EXPECT_THAT(said("kohya_lokr.safetensors.zst"), HasSubstr("LoKr (kohya"));
  EXPECT_THAT(said("peft_dora"), HasSubstr("DoRA (PEFT, rank 2), modules: 167 of the UNet"));

  const Ended json = Weft(folder, "inspect --json '" + goldens + "kohya_text.safetensors.zst'");
  ASSERT_EQ(json.code, 0) << json.err;
  const auto lora = nlohmann::json::parse(json.out);
  EXPECT_EQ(lora["kind"], "LoRA");
  EXPECT_EQ(lora["modules"]["second text encoder"], 15);
  EXPECT_TRUE(lora["unused"].empty());
}

TEST(Command, ALoraIsNoModelToLoad) {
  const ScratchFolder folder;
  const Ended ended = Weft(folder, "check txt2img --set model.path='" WEFT_SOURCE_DIR
                                   "/tests/goldens/lora/diffusers.safetensors.zst'");
  EXPECT_NE(ended.code, 0);
  EXPECT_THAT(ended.err, HasSubstr("LoadLora"));
}

TEST(Command, InspectTellsOfLearnedWordsAndPicklesOtherObjects) {
  const ScratchFolder folder;
  const std::string goldens = WEFT_SOURCE_DIR "/tests/goldens/weights/";
  const Ended word = Weft(folder, "inspect '" + goldens + "embedding.pt'");
  EXPECT_EQ(word.code, 0) << word.err;
  EXPECT_THAT(word.out, HasSubstr("textual inversion"));
  const Ended lightning = Weft(folder, "inspect '" + goldens + "lightning.pt'");
  EXPECT_EQ(lightning.code, 0) << lightning.err;
  EXPECT_THAT(lightning.out, HasSubstr("passed over; nothing was run: \"argparse.Namespace\""));
  const Ended gguf = Weft(folder, "inspect '" + goldens + "types.gguf'");
  EXPECT_THAT(gguf.out, AllOf(HasSubstr("format: GGUF"), HasSubstr("Q4_K")));
}

}  // namespace
}  // namespace weft
