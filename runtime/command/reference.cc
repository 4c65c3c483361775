#include "runtime/command/reference.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "nodes/image/codec.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"
#include "runtime/command/pictures.h"
#include "runtime/weights/safetensors.h"

namespace weft {
namespace {

constexpr double kPictureMax = 2;
constexpr double kTensorMax = 1e-4;
constexpr double kNoBound = std::numeric_limits<double>::infinity();
constexpr absl::string_view kTensorName = "value";

Allocator Memory() { return Allocator(Device::kCpu); }

absl::Status NoReference(const std::string& path) {
  return absl::NotFoundError(
      absl::StrCat("there is no reference \"", path, "\"; weft test --update writes it"));
}

// "is off by 7 at most (2 is allowed)", or "".
std::string TooFar(double max, double mean, double allowed_max, double allowed_mean,
                   absl::string_view unit) {
  std::string problem;
  if (!(max <= allowed_max)) {
    problem = absl::StrFormat("is off by up to %.6g%s, %.6g is allowed", max, unit, allowed_max);
  }
  if (!(mean <= allowed_mean)) {
    absl::StrAppend(
        &problem, problem.empty() ? "is" : ", and",
        absl::StrFormat(" off by %.6g%s on average, %.6g is allowed", mean, unit, allowed_mean));
  }
  return problem;
}

// Pictures of one size as one, each below the one before.
absl::StatusOr<Tensor> Stacked(const std::vector<Tensor>& pictures) {
  const Tensor& first = pictures.front();
  if (pictures.size() == 1) return first;
  WEFT_ASSIGN_OR_RETURN(
      Tensor stacked,
      Tensor::Allocate(Memory(), DType::kU8,
                       Shape{1, first.dim(1) * static_cast<int64_t>(pictures.size()), first.dim(2),
                             first.dim(3)}));
  uint8_t* to = stacked.mutable_data<uint8_t>();
  for (const Tensor& picture : pictures) {
    if (picture.shape() != first.shape()) return Invalid("gives pictures of different sizes");
    const absl::Span<const uint8_t> pixels = picture.span<uint8_t>();
    to = std::copy(pixels.begin(), pixels.end(), to);
  }
  return stacked;
}

}  // namespace

std::string Reference::Path(const std::string& place, const std::string& output,
                            const std::string& extension) const {
  return (std::filesystem::path(place) / absl::StrCat(stem, ".", output, extension)).string();
}

absl::StatusOr<Comparison> Reference::Check(const std::string& output, const Type& type,
                                            const Value& value,
                                            absl::btree_map<std::string, double> bounds) const {
  const auto bound = [&bounds](const char* name) {
    const auto it = bounds.find(name);
    return it != bounds.end() ? it->second : -1;
  };
  for (const auto& [name, limit] : bounds) {
    if (name != "max_abs" && name != "mean_abs") {
      return Invalid("\"expect\" has no bound \"", name, "\"",
                     DidYouMean(name, {"max_abs", "mean_abs"}));
    }
    if (!(limit >= 0)) return Invalid("\"expect\": \"", name, "\" must not be negative");
  }
  double max = bound("max_abs");
  double mean = bound("mean_abs");
  if (max < 0 && mean >= 0) max = kNoBound;
  if (mean < 0) mean = kNoBound;
  WEFT_ASSIGN_OR_RETURN(const std::vector<Tensor> pictures, PicturesOf(type, value));
  if (!pictures.empty()) return CheckPictures(output, pictures, max < 0 ? kPictureMax : max, mean);
  if (max < 0) max = kTensorMax;
  if (value.AsTensor() != nullptr) return CheckTensor(output, *value.AsTensor(), max, mean);
  if (value.AsBool() != nullptr || value.AsInt() != nullptr || value.AsFloat() != nullptr ||
      value.AsText() != nullptr) {
    return CheckScalar(output, value, max);
  }
  return Comparison{};
}

absl::StatusOr<Comparison> Reference::CheckPictures(const std::string& output,
                                                    const std::vector<Tensor>& pictures, double max,
                                                    double mean) const {
  Comparison comparison{.comparable = true};
  WEFT_ASSIGN_OR_RETURN(const Tensor actual, Stacked(pictures));
  const std::string path = Path(folder, output, ".png");
  if (update) {
    WEFT_RETURN_IF_ERROR(MakeFolder(folder));
    WEFT_ASSIGN_OR_RETURN(comparison.written, WritePictures({actual}, path, ""));
    return comparison;
  }
  if (!FileExists(path)) return NoReference(path);
  WEFT_ASSIGN_OR_RETURN(Tensor expected, DecodeImageFile(path, Memory()));
  // Grey and single-channel pictures come back as colours.
  Tensor comparable = actual;
  if (actual.dim(3) != expected.dim(3)) {
    WEFT_ASSIGN_OR_RETURN(const std::string png, EncodeImage(actual, ImageFormat::kPng));
    WEFT_ASSIGN_OR_RETURN(comparable, DecodeImage(png, Memory()));
  }
  const absl::StatusOr<PictureDistance> distance = Compare(expected, comparable);
  comparison.problem = distance.ok() ? TooFar(distance->max, distance->mean, max, mean, " of 255")
                                     : std::string(distance.status().message());
  if (comparison.problem.empty()) return comparison;
  WEFT_RETURN_IF_ERROR(MakeFolder(differences));
  WEFT_ASSIGN_OR_RETURN(const Tensor difference, DifferencePicture(expected, comparable));
  WEFT_ASSIGN_OR_RETURN(comparison.written,
                        WritePictures({difference}, Path(differences, output, ".diff.png"), ""));
  return comparison;
}

absl::StatusOr<Comparison> Reference::CheckTensor(const std::string& output, const Tensor& tensor,
                                                  double max, double mean) const {
  Comparison comparison{.comparable = true};
  const std::string path = Path(folder, output, ".safetensors");
  if (update) {
    WEFT_RETURN_IF_ERROR(MakeFolder(folder));
    WEFT_RETURN_IF_ERROR(WriteSafetensors(path, {{std::string(kTensorName), tensor}}));
    comparison.written = {path};
    return comparison;
  }
  if (!FileExists(path)) return NoReference(path);
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const ListedWeightFile> file, OpenWeightFile(path));
  if (file->tensors().size() != 1) return Invalid("\"", path, "\": holds more than one tensor");
  WEFT_ASSIGN_OR_RETURN(const Tensor stored, file->Read(0));
  WEFT_ASSIGN_OR_RETURN(const Tensor expected, stored.To(DType::kF32, Memory()));
  WEFT_ASSIGN_OR_RETURN(const Tensor actual, tensor.To(DType::kF32, Memory()));
  if (expected.shape() != actual.shape()) {
    comparison.problem = absl::StrCat("has the shape ", actual.shape().ToString(), ", not ",
                                      expected.shape().ToString());
  } else if (expected.numel() > 0) {
    const absl::Span<const float> e = expected.span<float>();
    const absl::Span<const float> a = actual.span<float>();
    const auto [least, most] = std::minmax_element(e.begin(), e.end());
    const double range = std::max(static_cast<double>(*most) - *least, 1e-12);
    double farthest = 0;
    double sum = 0;
    for (size_t i = 0; i < e.size(); ++i) {
      const double delta = std::abs(static_cast<double>(e[i]) - a[i]) / range;
      if (!(delta <= farthest)) farthest = delta;  // NaN stays
      sum += delta;
    }
    comparison.problem =
        TooFar(farthest, sum / static_cast<double>(e.size()), max, mean, " of its range");
  }
  if (comparison.problem.empty()) return comparison;
  const std::string shown = Path(differences, output, ".actual.safetensors");
  WEFT_RETURN_IF_ERROR(MakeFolder(differences));
  WEFT_RETURN_IF_ERROR(WriteSafetensors(shown, {{std::string(kTensorName), tensor}}));
  comparison.written = {shown};
  return comparison;
}

absl::StatusOr<Comparison> Reference::CheckScalar(const std::string& output, const Value& value,
                                                  double max) const {
  Comparison comparison{.comparable = true};
  nlohmann::json actual;
  if (const bool* x = value.AsBool()) actual = *x;
  if (const int64_t* x = value.AsInt()) actual = *x;
  if (const double* x = value.AsFloat()) actual = *x;
  if (const std::string* x = value.AsText()) actual = *x;
  const auto dump = [](const nlohmann::json& json) {
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  const std::string path = Path(folder, output, ".json");
  if (update) {
    WEFT_RETURN_IF_ERROR(MakeFolder(folder));
    WEFT_RETURN_IF_ERROR(WriteFile(path, dump(actual) + "\n"));
    comparison.written = {path};
    return comparison;
  }
  if (!FileExists(path)) return NoReference(path);
  WEFT_ASSIGN_OR_RETURN(const nlohmann::json expected, ReadJsonFile(path));
  bool same = expected == actual;
  if (!same && expected.is_number() && actual.is_number_float()) {
    const double e = expected.get<double>();
    same = std::abs(actual.get<double>() - e) <= max * std::max(std::abs(e), 1e-12);
  }
  if (!same) comparison.problem = absl::StrCat("is ", dump(actual), ", not ", dump(expected));
  return comparison;
}

}  // namespace weft
