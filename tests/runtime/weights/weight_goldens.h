#ifndef WEFT_TESTS_RUNTIME_WEIGHTS_WEIGHT_GOLDENS_H_
#define WEFT_TESTS_RUNTIME_WEIGHTS_WEIGHT_GOLDENS_H_

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "runtime/weights/weight_store.h"

namespace weft {

// Files written by PyTorch and the gguf package: tests/parity/weight_file_goldens.py.
inline std::string WeightGolden(const std::string& name) {
  return WEFT_SOURCE_DIR "/tests/goldens/weights/" + name;
}

// The same tensors in both files, bit for bit.
inline void ExpectSameTensors(const std::string& file, const std::string& expected) {
  const auto actual = WeightStore::Open(file);
  ASSERT_TRUE(actual.ok()) << actual.status();
  const auto golden = WeightStore::Open(expected);
  ASSERT_TRUE(golden.ok()) << golden.status();
  EXPECT_EQ((*actual)->weights().size(), (*golden)->weights().size()) << file;
  for (const auto& [name, weight] : (*golden)->weights()) {
    const Weight* found = (*actual)->Find(name);
    ASSERT_NE(found, nullptr) << file << " lacks " << name;
    EXPECT_EQ(found->shape(), weight.shape()) << name;
    EXPECT_EQ(found->dtype(), weight.dtype()) << name;
    const auto read = found->Read();
    ASSERT_TRUE(read.ok()) << read.status();
    const auto want = weight.Read();
    ASSERT_TRUE(want.ok()) << want.status();
    ASSERT_EQ(read->bytes(), want->bytes()) << name;
    if (want->bytes() == 0) continue;
    EXPECT_EQ(std::memcmp(read->raw(), want->raw(), want->bytes()), 0) << file << ": " << name;
  }
}

}  // namespace weft

#endif  // WEFT_TESTS_RUNTIME_WEIGHTS_WEIGHT_GOLDENS_H_
