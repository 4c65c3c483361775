#include "nodes/sampling/seed_sequence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft {
namespace {

using testing::ElementsAre;

TEST(SeedSequence, GivesTheWordsOfNumPy) {
  EXPECT_THAT(SeedSequence(42, {}, 24, 3), ElementsAre(387750627u, 2536650517u, 4078839648u));
  EXPECT_THAT(SeedSequence(42, {5, 3}, 24, 4),
              ElementsAre(3084123560u, 468215949u, 242942938u, 2650128260u));
  EXPECT_THAT(SeedSequence(0, {0, 0}, 24, 2), ElementsAre(245430115u, 3436620678u));
  EXPECT_THAT(
      SeedSequence((1ull << 62) + 7, {(1ull << 33) + 1, 34}, 4, 6),
      ElementsAre(2498529331u, 1280611060u, 2645910070u, 3367028311u, 1694717020u, 2085923460u));
}

}  // namespace
}  // namespace weft
