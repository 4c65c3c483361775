#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "nodes/models/parts.h"
#include "nodes/text/conditioning.h"
#include "nodes/text/tokenizer.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "tests/nodes/models/run_node.h"

namespace weft {

NodeType ApplyTextualInversionNode();
NodeType ClipEncodeNode();
NodeType LoadEmbeddingNode();
NodeType TokenizeNode();

namespace {

constexpr int64_t kShown = 7;  // every so many positions are kept

std::string Folder() { return std::string(WEFT_SOURCE_DIR) + "/tests/goldens/textual_inversion"; }

template <typename Part>
Value Wired(const std::shared_ptr<const Part>& part) {
  return Value(std::shared_ptr<const Object>(part));
}

Tensor Expected(const std::string& name) {
  static const auto& store = *new std::shared_ptr<WeightStore>(
      WeightStore::Open(Folder() + "/expected.safetensors").value());
  const Weight* found = store->Find(name);
  return found != nullptr ? found->Read().value() : Tensor();
}

Tensor EveryFew(const Tensor& hidden) {
  std::vector<float> rows;
  const int64_t width = hidden.dim(2);
  for (int64_t i = 0; i < hidden.dim(1); i += kShown) {
    const float* row = hidden.data<float>() + i * width;
    rows.insert(rows.end(), row, row + width);
  }
  return MadeOf({1, static_cast<int64_t>(rows.size()) / width, width}, rows);
}

// A tokenizer and one of the two encoders, with embeddings applied one after another.
absl::StatusOr<Values> Taught(const nlohmann::json& test) {
  const std::string encoder = test["encoder"];
  const std::string which = encoder == "text_encoder" ? "" : "_2";
  Values parts = {
      {"tokenizer" + which,
       Wired(Tokenizer::Load(std::string(WEFT_SOURCE_DIR) + "/tests/goldens/tokenizer").value())},
      {"clip" + which, Wired(ClipTextEncoder::Load(Folder() + "/" + encoder).value())}};
  for (const std::string file : test["embeddings"]) {
    const auto embedding = RunNode(LoadEmbeddingNode(), {{"path", Value(Folder() + "/" + file)}});
    if (!embedding.ok()) return embedding.status();
    Values inputs = parts;
    inputs["embedding"] = embedding->at("embedding");
    auto taught = RunNode(ApplyTextualInversionNode(), inputs,
                          {.wanted = {"tokenizer" + which, "clip" + which}});
    if (!taught.ok()) return taught.status();
    parts = *std::move(taught);
  }
  return Values{{"tokenizer", parts.at("tokenizer" + which)}, {"clip", parts.at("clip" + which)}};
}

TEST(TextualInversionGolden, SaysOfPromptsWhatDiffusersSays) {
  const nlohmann::json golden =
      nlohmann::json::parse(ReadFile(Folder() + "/cases.json", 1 << 20).value());
  ASSERT_GT(golden["cases"].size(), 40u);
  int index = 0;
  for (const nlohmann::json& test : golden["cases"]) {
    const std::string text = test["text"];
    SCOPED_TRACE(absl::StrCat(test["embeddings"].dump(), " ", text));
    const auto parts = Taught(test);
    ASSERT_TRUE(parts.ok()) << parts.status();
    const Value tokens = RunNode(TokenizeNode(), {{"tokenizer", parts->at("tokenizer")},
                                                  {"text", Value(text)},
                                                  {"truncate", Value(true)}})
                             .value()
                             .at("tokens");
    // Learned rows lie behind the encoder's table, which may be longer than diffusers makes it.
    const auto clip =
        std::static_pointer_cast<const ClipTextEncoder>(parts->at("clip").SharedObject());
    const ClipTextConfig& config = clip->network().config();
    const auto first = static_cast<int32_t>(config.vocabulary - config.learned_rows);
    std::vector<int32_t> ids = test["ids"];
    for (int32_t& id : ids) {
      if (id >= golden["vocabulary"].get<int32_t>())
        id += first - golden["vocabulary"].get<int32_t>();
    }
    const absl::Span<const int32_t> got = tokens.AsTensor()->span<int32_t>();
    EXPECT_THAT(std::vector<int32_t>(got.begin(), got.end()), ::testing::ElementsAreArray(ids));
    const auto encoded =
        RunNode(ClipEncodeNode(),
                {{"clip", parts->at("clip")}, {"tokens", tokens}, {"penultimate", Value(true)}});
    ASSERT_TRUE(encoded.ok()) << encoded.status();
    const auto conditioning =
        std::static_pointer_cast<const Conditioning>(encoded->at("conditioning").SharedObject());
    const Conditioning::Entry& entry = conditioning->entries()[0];
    ExpectParity("hidden", EveryFew(entry.tokens), Expected(absl::StrCat(index, ".hidden")),
                 DType::kF32);
    const Tensor pooled = Expected(absl::StrCat(index, ".pooled"));
    ASSERT_EQ(entry.pooled.empty(), pooled.empty());
    if (!pooled.empty()) ExpectParity("pooled", entry.pooled, pooled, DType::kF32);
    ++index;
  }
}

}  // namespace
}  // namespace weft
