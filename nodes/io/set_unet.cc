#include "nodes/io/set_unet.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nodes/io/model_ports.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/int8_table.h"

namespace weft {

absl::StatusOr<PartSource> WithInt8(PartSource unet, std::optional<double> start,
                                    std::optional<double> stop) {
  const std::string path = Int8TablePath(unet.store->path());
  const absl::StatusOr<std::shared_ptr<const Int8Table>> read = ReadInt8Table(path);
  if (absl::IsNotFound(read.status())) {
    return absl::NotFoundError(absl::StrCat(
        "\"", path, "\" is not there, which precision int8 needs: make it with weft quantize and ",
        "precision auto"));
  }
  WEFT_RETURN_IF_ERROR(read.status());
  WEFT_RETURN_IF_ERROR(CheckInt8Table(**read, *unet.store));
  auto table = std::make_shared<Int8Table>(**read);
  table->first_share = start.value_or(table->first_share);
  table->last_share = stop.value_or(table->last_share);
  absl::StrAppend(&unet.fingerprint, "|int8 ", Fingerprint(path), " ", table->first_share, " ",
                  table->last_share);
  unet.store = unet.store->WithInt8(std::move(table));
  return unet;
}

absl::Status SetUnet(NodeContext& ctx, const Out<Unet>& port,
                     const absl::StatusOr<PartSource>& source) {
  const std::string precision = ctx.Get(kUnetPrecision);
  if (precision != "int8" || !source.ok()) return SetPart(ctx, port, source, precision);
  std::optional<double> start, stop;
  if (ctx.Has(kInt8Start)) start = ctx.Get(kInt8Start);
  if (ctx.Has(kInt8Stop)) stop = ctx.Get(kInt8Stop);
  const absl::StatusOr<PartSource> unet = WithInt8(*source, start, stop);
  if (!unet.ok()) return ctx.PortError(kUnetPrecision, unet.status().message());
  const Int8Table& table = *unet->store->int8();
  if (table.first_share >= table.last_share) {
    return ctx.PortError(kInt8Stop, table.last_share, " does not lie behind int8_start, ",
                         table.first_share);
  }
  return SetPart(ctx, port, unet, "auto");
}

}  // namespace weft
