#include "runtime/weights/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "runtime/weights/weight_store.h"
#include "tests/runtime/base/scratch_folder.h"
#include "tests/runtime/weights/torch_bytes.h"
#include "tests/runtime/weights/weight_goldens.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string ErrorOf(const std::string& bytes) {
  const auto file = OpenWeightFile("bad.ckpt", MappedFile::Of(bytes));
  return file.ok() ? "no error" : std::string(file.status().message());
}

class TorchGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(TorchGolden, GivesTheTensorsThatPyTorchReads) {
  std::string name = GetParam();
  const std::string file = WeightGolden(name + ".pt");
  if (const size_t legacy = name.find("_legacy"); legacy != std::string::npos) name.resize(legacy);
  ExpectSameTensors(file, WeightGolden(name + ".safetensors"));
}

INSTANTIATE_TEST_SUITE_P(EachFile, TorchGolden,
                         ::testing::Values("state_dict", "types", "views", "lightning",
                                           "parameters", "embedding", "parameter_dict", "module",
                                           "single", "big_endian", "state_dict_legacy",
                                           "types_legacy", "views_legacy", "lightning_legacy",
                                           "parameters_legacy", "embedding_legacy", "module_legacy",
                                           "single_legacy"),
                         [](const auto& param) { return param.param; });

TEST(TorchFile, ListsTypesAsStored) {
  const auto file = OpenWeightFile(WeightGolden("types.pt"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->format(), "PyTorch");
  for (const StoredTensor& tensor : (*file)->tensors()) {
    if (tensor.name == "float64") {
      EXPECT_EQ(tensor.type, "F64");
      EXPECT_EQ(tensor.dtype, DType::kF32);
      EXPECT_EQ(tensor.bytes, 56u);
    }
  }
}

TEST(TorchFile, TellsWhatItPassedOver) {
  const auto file = OpenWeightFile(WeightGolden("lightning.pt"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT((*file)->notices(),
              ElementsAre(AllOf(HasSubstr("besides its state_dict"), HasSubstr("\"callbacks\""),
                                HasSubstr("\"optimizer_states\"")),
                          AllOf(HasSubstr("nothing was run"), HasSubstr("argparse.Namespace"),
                                HasSubstr("ModelCheckpoint"))));
  EXPECT_THAT((*file)->metadata(), ::testing::Contains(Pair("global_step", "470000")));
}

TEST(TorchFile, KeepsTextsAndNumbersBesideTheTensors) {
  const auto file = OpenWeightFile(WeightGolden("embedding.pt"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT((*file)->metadata(), ElementsAre(Pair("name", "style"), Pair("step", "1999"),
                                               Pair("string_to_token.*", "265")));
}

TEST(TorchFile, MapsWhatLiesInOrder) {
  const auto mapped = MappedFile::Open(WeightGolden("state_dict.pt"));
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const auto file = OpenWeightFile("state_dict.pt", *mapped);
  ASSERT_TRUE(file.ok()) << file.status();
  const auto tensor = (*file)->Read(0);
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_GE(tensor->raw(), (*mapped)->data());
  EXPECT_LT(tensor->raw(), (*mapped)->data() + (*mapped)->size());
}

TEST(TorchFile, OpensAPickleMadeByHand) {
  const auto file =
      OpenWeightFile("a.pt", MappedFile::Of(TorchZip(OneTensorPickle(TensorCall(0, 2, 3)),
                                                     BytesOf<float>({1, 2, 3, 4, 5, 6}))));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT((*file)->Read(0)->span<float>(), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(TorchFile, RefusesAPickleThatNamesAProgramAndRunsNothing) {
  const ScratchFolder folder;
  const std::string victim = folder / "made";
  for (const std::string global : {"cos\nsystem\n", "cposix\nsystem\n", "c__builtin__\nexec\n"}) {
    const std::string pickle = "\x80\x02" + global + Short("touch " + victim) + "\x85R.";
    const std::string error = ErrorOf(TorchZip(pickle, ""));
    const std::string name = global.substr(1, global.find('\n') - 1);
    EXPECT_THAT(error,
                AllOf(HasSubstr("asks for \"" + name + "."), HasSubstr("Nothing of it was run")));
  }
  EXPECT_FALSE(FileExists(victim));
}

TEST(TorchFile, RefusesAHostilePickleOfTheOldFormat) {
  const std::string magic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
  EXPECT_THAT(ErrorOf(magic + "\x80\x02" + "M\xe9\x03." + "\x80\x02}." + "\x80\x02" +
                      "cos\nsystem\n" + Short("true") + "\x85R."),
              HasSubstr("asks for \"os.system\""));
}

TEST(TorchFile, RejectsAViewPastItsStorage) {
  const std::string data(24, '\0');
  EXPECT_THAT(ErrorOf(TorchZip(OneTensorPickle(TensorCall(1, 2, 3)), data)),
              HasSubstr("tensor \"w\": its shape [2, 3] with strides [3, 1] from element 1 reaches "
                        "past its storage of 6 elements"));
  EXPECT_THAT(ErrorOf(TorchZip(OneTensorPickle(TensorCall(0, 2, 200)), data)),
              HasSubstr("has more elements than the 6 of its storage"));
}

TEST(TorchFile, MeasuresAViewOfAnotherTypeByTheBytesOfItsStorage) {
  const auto file = OpenWeightFile(
      "a.pt", MappedFile::Of(TorchZip(OneTensorPickle(TypedTensorCall("ByteStorage", "float32", 2)),
                                      BytesOf<float>({1, 2}))));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT((*file)->Read(0)->span<float>(), ElementsAre(1, 2));
  EXPECT_THAT(ErrorOf(TorchZip(OneTensorPickle(TypedTensorCall("ByteStorage", "float32", 8)),
                               std::string(8, '\0'))),
              HasSubstr("its shape [8] has more elements than the 2 of its storage"));
}

TEST(TorchFile, TakesWhatAModuleHoldsButOnce) {
  const std::string parts =
      Short("_parameters") + "q\1}" + Short("w") + TensorCall(0, 2, 3) + "sq\2";
  const std::string module = "ctorch.nn\nModule\n)R}" + parts + "sh\1h\2sb";
  const auto file = OpenWeightFile(
      "a.pt", MappedFile::Of(TorchZip("\x80\x02" + module + ".", std::string(24, '\0'))));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->tensors().size(), 1u);
}

TEST(TorchFile, RejectsContainersThatShareWhatTheyHoldWithoutEnd) {
  constexpr int kMany = 2100;
  std::string pickle = "\x80\x02](";
  for (int i = 0; i < kMany; ++i) pickle += "K\1K\2\x86";
  pickle +=
      "e\x85q\1"
      "0](";
  for (int i = 0; i < kMany; ++i) pickle += "ccollections\nOrderedDict\nh\1R";
  EXPECT_THAT(ErrorOf(TorchZip(pickle + "e.", "")), HasSubstr("holds more than 4194304 values"));
}

TEST(TorchFile, RejectsAStorageThatIsShorterThanItSays) {
  EXPECT_THAT(ErrorOf(TorchZip(OneTensorPickle(TensorCall(0, 2, 3)), std::string(23, '\0'))),
              HasSubstr("its storage \"0\" should have 24 bytes, but has 23"));
}

TEST(TorchFile, RejectsAMissingStorage) {
  EXPECT_THAT(ErrorOf(ZipBytes({{"a/data.pkl", OneTensorPickle(TensorCall(0, 2, 3))}})),
              HasSubstr("its storage \"0\" is missing"));
}

TEST(TorchFile, RejectsOtherArchives) {
  EXPECT_THAT(ErrorOf(ZipBytes({{"word/document.xml", "<a/>"}})), EndsWith("it holds no data.pkl"));
  EXPECT_THAT(ErrorOf(ZipBytes({{"a/data.pkl", "\x80\x02}."}, {"a/constants.pkl", ""}})),
              HasSubstr("is a TorchScript program"));
}

TEST(TorchFile, RejectsAPickleWithoutTensors) {
  EXPECT_THAT(ErrorOf(TorchZip("\x80\x02}.", "")), EndsWith("holds no tensors"));
}

TEST(TorchFile, RejectsAPickleThatTorchDidNotSave) {
  EXPECT_THAT(ErrorOf("\x80\x02}."), HasSubstr("is a pickle, but not of torch.save"));
}

TEST(TorchFile, NamesATensorOfAKindThatIsNotRead) {
  EXPECT_THAT(ErrorOf(TorchZip(OneTensorPickle("ctorch._utils\n_rebuild_sparse_tensor\n)R"), "")),
              HasSubstr("tensor \"w\": it is rebuilt by torch._utils._rebuild_sparse_tensor"));
}

}  // namespace
}  // namespace weft
