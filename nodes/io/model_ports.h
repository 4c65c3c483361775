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
// Of nodes that load a UNet.
inline constexpr absl::string_view kUnetPrecisions[] = {"auto", "f32", "bf16", "int8"};
inline constexpr In<Text> kUnetPrecision{
    .name = "precision",
    .doc =
        "What the networks compute in; auto: as the run says. int8: the UNet in 8 bits, with the "
        "file that `weft quantize` has put beside its weights; all else as the run says.",
    .fallback = "auto",
    .choices = kUnetPrecisions};
inline constexpr In<double> kInt8Start{
    .name = "int8_start",
    .doc =
        "The share of the steps that is done when those in 8 bits begin, in place of what the "
        "file says. Steps that are not in 8 bits need the weights a second time.",
    .min = 0,
    .max = 1,
    .optional = true};
inline constexpr In<double> kInt8Stop{
    .name = "int8_stop",
    .doc = "The share of the steps that is done when those in 8 bits end.",
    .min = 0,
    .max = 1,
    .optional = true};
inline constexpr In<Text> kPredictionType{
    .name = "prediction_type",
    .doc =
        "What the UNet predicts, where the model does not say it or says it wrongly: SD 2's "
        "files of 512 and of 768 pixels have the same tensors.",
    .fallback = "auto",
    .choices = kPredictionTypes};

}  // namespace weft

#endif  // WEFT_NODES_IO_MODEL_PORTS_H_
