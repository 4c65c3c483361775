#ifndef WEFT_NODES_SAMPLING_GENERATOR_H_
#define WEFT_NODES_SAMPLING_GENERATOR_H_

#include "runtime/base/rng.h"
#include "runtime/graph/value.h"

namespace weft {

// Where a random stream stands. Nodes that draw take one in and give the advanced one out, so that
// the wires fix the order of draws.
class Generator : public Object {
 public:
  static constexpr absl::string_view kTypeName = "generator";
  explicit Generator(Rng rng) : rng_(rng) {}
  const Rng& rng() const { return rng_; }  // copy it to draw
  absl::string_view type_name() const override { return kTypeName; }

 private:
  Rng rng_;
};

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_GENERATOR_H_
