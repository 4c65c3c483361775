// Runs of whole graphs within a budget of memory: what is kept and what is streamed changes no bit.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "nodes/weft_runtime.h"
#include "runtime/exec/fit_memory.h"

namespace weft {
namespace {

using ::testing::MatchesRegex;

const WeftRuntime& Weft() {
  static const WeftRuntime* const weft = (*WeftRuntime::Make("", "")).release();
  return *weft;
}

RunOptions Options(std::optional<size_t> memory) {
  RunOptions options;
  options.memory = memory;
  options.overrides.params["steps"] = Value(int64_t{2});
  return options;
}

Pipeline Load(const std::string& name) {
  return *Pipeline::Load(*Weft().FindGraph(name), Weft().runtime());
}

Tensor Draw(const std::string& name, const RunOptions& options) {
  const absl::StatusOr<RunResult> result = Load(name).Run(options);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result->outputs.at("image").AsTensor() : Tensor();
}

bool SameBits(const Tensor& a, const Tensor& b) {
  return a.bytes() == b.bytes() && a.bytes() > 0 && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

size_t Kept(const DryRunResult& plan) {
  size_t kept = 0;
  for (const DryRunNode& node : plan.nodes) kept += node.kept_bytes;
  return kept;
}
size_t Streamed(const DryRunResult& plan) {
  size_t streamed = 0;
  for (const DryRunNode& node : plan.nodes) streamed += node.streamed_bytes;
  return streamed;
}

// The graph's plan with nothing kept, for its numbers.
DryRunResult Least(const std::string& name) {
  // Once before, so that what a process loads at its first run is there.
  Draw(name, Options(std::nullopt));
  return *Load(name).Check(Options(kLeastMemory));
}

TEST(Memory, KeepsNothingWhereItIsLow) {
  const DryRunResult plan = Least("txt2img");
  EXPECT_EQ(Kept(plan), 0u);
  EXPECT_GT(Streamed(plan), 10u << 20);
  EXPECT_FALSE(plan.memory->all_kept);
  EXPECT_LT(plan.memory->least, plan.memory->everything);
}

TEST(Memory, KeepsAllWhereThereIsRoom) {
  const size_t everything = Least("txt2img").memory->everything;
  const auto plan = Load("txt2img").Check(Options(2 * everything));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(plan->memory->all_kept);
  EXPECT_EQ(Streamed(*plan), 0u);
  EXPECT_EQ(plan->peak_bytes, Load("txt2img").Check(Options(std::nullopt))->peak_bytes);
}

TEST(Memory, KeepsSomeInBetweenAndStaysBelowTheBudget) {
  const MemoryNeed need = *Least("txt2img").memory;
  const size_t budget = (need.least + need.everything) / 2;
  const auto plan = Load("txt2img").Check(Options(budget));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_GT(Kept(*plan), 0u);
  EXPECT_GT(Streamed(*plan), 0u);
  EXPECT_LE(plan->memory->around + plan->peak_bytes, budget);
  EXPECT_GT(plan->peak_bytes, need.least - need.around);
}

TEST(Memory, IsNotTakenInEightBitsByLayersThatAPromptNeedsOnce) {
  RunOptions options = Options(size_t{1} << 30);
  options.overrides.inputs["model.precision"] = Value(std::string("int8"));
  const auto plan = Load("txt2img").Check(options);
  ASSERT_TRUE(plan.ok()) << plan.status();
  int guidances = 0;
  for (const DryRunNode& node : plan->nodes) {
    if (node.type != "Guidance") continue;
    ++guidances;
    EXPECT_EQ(node.kept_bytes, 0u) << "keys and values of texts need no weights in a step";
  }
  EXPECT_EQ(guidances, 1);
  EXPECT_GT(Kept(*plan), 0u);
}

TEST(Memory, IsRefusedBelowTheLeastWithWhatWouldDo) {
  Least("txt2img");
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    RunOptions options = Options(1'000'000);
    options.compute = compute;
    const std::string bf16 =
        compute == DType::kF32 ? ", and so does precision bf16: at least [0-9]+ MB" : "";
    for (const absl::Status& status :
         {Load("txt2img").Check(options).status(), Load("txt2img").Run(options).status()}) {
      EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
      EXPECT_THAT(std::string(status.message()),
                  MatchesRegex(
                      "a memory of 1\\.0 MB is not enough: this run takes at least [0-9]+ MB, with "
                      "the weights of each layer packed anew for each use, and [0-9]+ MB with all "
                      "of them kept; most of it in \"[a-z/]+\" \\([A-Za-z]+\\)\\. Smaller pictures "
                      "or batches take less" +
                      bf16));
    }
  }
}

TEST(Memory, ChangesNoBit) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    RunOptions options = Options(std::nullopt);
    options.compute = compute;
    const Tensor all = Draw("txt2img", options);
    options.memory = kLeastMemory;
    const MemoryNeed need = *Load("txt2img").Check(options)->memory;
    EXPECT_TRUE(SameBits(Draw("txt2img", options), all)) << Name(compute);
    // Room for growth of the process between the check and the run.
    options.memory = (need.least + 3 * need.everything) / 4;
    EXPECT_TRUE(SameBits(Draw("txt2img", options), all)) << Name(compute);
  }
}

TEST(Memory, ChangesNoBitOfALora) {
  for (const char* mode : {"merged", "live"}) {
    RunOptions options = Options(std::nullopt);
    options.overrides.inputs["night.mode"] = Value(std::string(mode));
    const Tensor all = Draw("txt2img_lora", options);
    options.memory = kLeastMemory;
    EXPECT_TRUE(SameBits(Draw("txt2img_lora", options), all)) << mode;
  }
}

TEST(Memory, TakesLessWhereLessIsKept) {
  const auto peak_of = [](std::optional<size_t> memory) {
    return Load("txt2img").Run(Options(memory))->peak_bytes;
  };
  EXPECT_LT(peak_of(kLeastMemory) + (10u << 20), peak_of(std::nullopt));
}

TEST(Memory, IsPredictedInEveryMode) {
  const MemoryNeed need = *Least("txt2img").memory;
  for (const std::optional<size_t> memory :
       {std::optional<size_t>(), std::optional<size_t>(kLeastMemory),
        std::optional<size_t>((need.least + 3 * need.everything) / 4)}) {
    const RunOptions options = Options(memory);
    const auto planned = static_cast<double>(Load("txt2img").Check(options)->peak_bytes);
    const auto taken = static_cast<double>(Load("txt2img").Run(options)->peak_bytes);
    EXPECT_NEAR(planned / taken, 1.0, 0.1) << planned << " for " << taken;
  }
}

TEST(Memory, IsGivenBackByPartsThatNothingLaterNeeds) {
  size_t while_denoising = 0;
  size_t before_decoding = 0;
  RunOptions options = Options(std::nullopt);
  options.events = [&](const Event& event) {
    if (event.kind == Event::Kind::kNodeFinished && event.type == "PredictNoiseCached") {
      while_denoising = event.bytes;
    }
    if (event.kind == Event::Kind::kNodeStarted && event.type == "VaeDecode") {
      before_decoding = event.bytes;
    }
  };
  Draw("txt2img", options);
  EXPECT_GT(while_denoising, 10u << 20);   // the UNet, packed
  EXPECT_LT(before_decoding, 100u << 10);  // a latent
  EXPECT_GT(before_decoding, 0u);
}

}  // namespace
}  // namespace weft
