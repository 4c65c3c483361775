#ifndef WEFT_NODES_IO_SET_UNET_H_
#define WEFT_NODES_IO_SET_UNET_H_

#include <optional>

#include "nodes/io/model_source.h"

namespace weft {

// The same UNet with the table for 8 bits that lies beside its weights. Errors: there is none, or
// it was made for other weights.
absl::StatusOr<PartSource> WithInt8(PartSource unet, std::optional<double> start,
                                    std::optional<double> stop);

// SetPart for a UNet, by the ports kUnetPrecision, kInt8Start and kInt8Stop of the node.
absl::Status SetUnet(NodeContext& ctx, const Out<Unet>& port,
                     const absl::StatusOr<PartSource>& source);

}  // namespace weft

#endif  // WEFT_NODES_IO_SET_UNET_H_
