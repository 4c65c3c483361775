#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/safetensors.h"

namespace weft {
namespace {

using Json = nlohmann::json;

absl::StatusOr<std::vector<int64_t>> Extents(const Json& json) {
  if (!json.is_array()) return Invalid("its \"shape\" is not a list");
  std::vector<int64_t> extents;
  for (const Json& extent : json) {
    if (!extent.is_number_integer()) {
      return Invalid("its shape holds something that is not a whole number");
    }
    if (!extent.is_number_unsigned()) {
      return Invalid("its shape has a negative extent, ", extent.get<int64_t>());
    }
    if (extent.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
      return Invalid("its shape has an extent of ", extent.get<uint64_t>(),
                     ", too large to address");
    }
    extents.push_back(extent.get<int64_t>());
  }
  return extents;
}

absl::StatusOr<SafetensorsEntry> ParseEntry(const std::string& name, const Json& json) {
  if (!json.is_object()) return Invalid("its entry is not an object");
  for (const auto& [key, value] : json.items()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      return Invalid("its entry has the unknown key ", Quoted(key),
                     "; there are: dtype, shape, data_offsets");
    }
  }
  for (const char* key : {"dtype", "shape", "data_offsets"}) {
    if (!json.contains(key)) return Invalid("its entry lacks \"", key, "\"");
  }
  SafetensorsEntry entry;
  entry.name = name;
  const Json& dtype = json["dtype"];
  if (!dtype.is_string()) return Invalid("its \"dtype\" is not a text");
  const std::optional<StoredType> type =
      StoredTypeFromSafetensors(dtype.get_ref<const std::string&>());
  if (!type.has_value()) {
    return Invalid("its type is ", Quoted(dtype.get_ref<const std::string&>()),
                   ", which is none of: ", StoredTypeNames());
  }
  entry.type = *type;
  WEFT_ASSIGN_OR_RETURN(const std::vector<int64_t> extents, Extents(json["shape"]));
  WEFT_ASSIGN_OR_RETURN(const size_t bytes, StoredBytes(extents, entry.type));
  entry.shape = Shape(extents);

  const Json& offsets = json["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    return Invalid("its \"data_offsets\" are not two whole numbers from 0 up");
  }
  entry.begin = offsets[0].get<size_t>();
  entry.end = offsets[1].get<size_t>();
  if (entry.begin > entry.end) {
    return Invalid("its data ends at ", entry.end, ", before it begins at ", entry.begin);
  }
  if (entry.end - entry.begin != bytes) {
    return Invalid("its shape ", entry.shape.ToString(), " of ", SafetensorsName(entry.type),
                   " takes ", bytes, " bytes, but its offsets give it ", entry.end - entry.begin);
  }
  return entry;
}

absl::Status ParseMetadata(const Json& json, absl::btree_map<std::string, std::string>& into) {
  if (!json.is_object()) return Invalid("\"__metadata__\" is not an object");
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) return Invalid("\"__metadata__\": ", Quoted(key), " is not a text");
    into.emplace(key, value.get<std::string>());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<size_t> SafetensorsHeaderLength(absl::string_view prefix) {
  if (prefix.size() < kSafetensorsPrefix) {
    return Invalid("is too short to be a safetensors file: ", prefix.size(), " bytes");
  }
  uint64_t length = 0;
  for (size_t i = kSafetensorsPrefix; i-- > 0;) {
    length = length << 8 | static_cast<unsigned char>(prefix[i]);
  }
  if (length < 2) return Invalid("says that its header has ", length, " bytes: too few for JSON");
  if (length > kLongestSafetensorsHeader) {
    return Invalid("is not a safetensors file: its header would have ", length,
                   " bytes, more than the ", kLongestSafetensorsHeader, " allowed");
  }
  return static_cast<size_t>(length);
}

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(absl::string_view json) {
  absl::StatusOr<Json> root =
      ParseJson(json, JsonLimits{.bytes = kLongestSafetensorsHeader, .depth = 8});
  if (!root.ok()) return Annotate(root.status(), "the header");
  if (!root->is_object()) return Invalid("the header is not a JSON object");
  SafetensorsHeader header;
  for (const auto& [name, entry] : root->items()) {
    if (name == "__metadata__") {
      WEFT_RETURN_IF_ERROR(ParseMetadata(entry, header.metadata));
      continue;
    }
    absl::StatusOr<SafetensorsEntry> parsed = ParseEntry(name, entry);
    if (!parsed.ok()) {
      return Annotate(parsed.status(), absl::StrCat("tensor ", Quoted(name)));
    }
    header.entries.push_back(*std::move(parsed));
  }
  std::sort(header.entries.begin(), header.entries.end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
              return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
            });
  const SafetensorsEntry* before = nullptr;
  for (const SafetensorsEntry& entry : header.entries) {
    if (entry.begin < header.data_bytes) {
      return Invalid("tensor ", Quoted(entry.name), ": its data begins at ", entry.begin,
                     ", within that of ", Quoted(before->name), ", which ends at ",
                     header.data_bytes);
    }
    if (entry.begin > header.data_bytes) {
      return Invalid("tensor ", Quoted(entry.name), ": its data begins at ", entry.begin,
                     ", but the data before it ends at ", header.data_bytes,
                     ": the bytes between belong to no tensor");
    }
    header.data_bytes = entry.end;
    before = &entry;
  }
  return header;
}

}  // namespace weft
