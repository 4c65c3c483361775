#ifndef WEFT_NODES_IO_MODEL_PORTS_H_
#define WEFT_NODES_IO_MODEL_PORTS_H_

#include "runtime/graph/port.h"

namespace weft {

// Inputs that all nodes which load models have.
inline constexpr absl::string_view kModelPrecisions[] = {"auto", "f32", "bf16"};
inline constexpr absl::string_view kPredictionTypes[] = {"auto", "epsilon", "v_prediction",
                                                         "sample"};
inline constexpr In<Text> kModelPrecision{
    .name = "precision",
    .doc = "What the networks compute in; auto: as the run says.",
    .fallback = "auto",
    .choices = kModelPrecisions};
inline constexpr In<Text> kPredictionType{
    .name = "prediction_type",
    .doc =
        "What the UNet predicts, where the model does not say it or says it wrongly: SD 2's "
        "files of 512 and of 768 pixels have the same tensors.",
    .fallback = "auto",
    .choices = kPredictionTypes};

}  // namespace weft

#endif  // WEFT_NODES_IO_MODEL_PORTS_H_
