#include "runtime/pipeline.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"
#include "runtime/exec/fit_memory.h"
#include "runtime/graph/draw.h"
#include "runtime/graph/graph_json.h"
#include "runtime/graph/value_json.h"

namespace weft {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Only plain values can be written down; objects handed in by a program are left out.
bool IsPlain(const Value& value) {
  if (const List* list = value.AsList()) return std::all_of(list->begin(), list->end(), IsPlain);
  return value.AsBool() != nullptr || value.AsInt() != nullptr || value.AsFloat() != nullptr ||
         value.AsText() != nullptr;
}

Json Plain(const absl::btree_map<std::string, Value>& values) {
  Json json = Json::object();
  for (const auto& [name, value] : values) {
    if (IsPlain(value)) json[name] = ToJsonValue(value);
  }
  return json;
}

absl::StatusOr<absl::btree_map<std::string, Value>> GetValues(const Json& json, const char* key) {
  absl::btree_map<std::string, Value> values;
  const auto it = json.find(key);
  if (it == json.end()) return values;
  if (!it->is_object()) return Invalid("\"", key, "\" of the description is not an object");
  for (const auto& [name, value] : it->items()) {
    absl::StatusOr<Value> plain = FromJsonValue(value);
    if (!plain.ok() || plain->is_null()) {
      return Invalid("\"", key, ".", name,
                     "\" of the description is not a number, text, bool or list of them");
    }
    values[name] = *std::move(plain);
  }
  return values;
}

}  // namespace

Composites MakeComposites(const Runtime& runtime, const std::string& folder) {
  std::vector<std::string> folders = {folder, (fs::path(folder) / "parts").string()};
  folders.insert(folders.end(), runtime.parts_folders.begin(), runtime.parts_folders.end());
  return Composites(std::move(folders), runtime.readers);
}

absl::StatusOr<Contract> FindContract(const std::string& type, const Runtime& runtime,
                                      const std::string& folder) {
  if (const auto node = runtime.registry->Find(type)) return node->contract;
  Composites composites = MakeComposites(runtime, folder);
  absl::StatusOr<std::shared_ptr<const GraphDef>> graph = composites.Find(type, GraphDef());
  if (graph.ok()) return CompositeContract(type, **graph, *runtime.registry, composites);
  if (!absl::IsNotFound(graph.status())) return graph.status();
  std::vector<std::string> known = runtime.registry->TypeNames();
  for (std::string& name : composites.TypeNames()) known.push_back(std::move(name));
  return absl::NotFoundError(
      absl::StrCat("unknown node type \"", type, "\"", DidYouMean(type, known)));
}

Pipeline::Pipeline(GraphDef graph, std::string folder, const Runtime& runtime)
    : graph_(std::move(graph)), folder_(std::move(folder)), runtime_(runtime) {}

absl::StatusOr<Pipeline> Pipeline::Load(const std::string& path, const Runtime& runtime) {
  WEFT_ASSIGN_OR_RETURN(GraphDef graph, LoadGraph(path, runtime.readers));
  const std::string folder = fs::path(path).parent_path().string();
  return Pipeline(std::move(graph), folder.empty() ? "." : folder, runtime);
}

Pipeline Pipeline::Of(GraphDef graph, std::string folder, const Runtime& runtime) {
  return Pipeline(std::move(graph), std::move(folder), runtime);
}

Environment Pipeline::MakeEnvironment(const RunOptions& options) const {
  Environment environment;
  environment.backend = runtime_.backend;
  environment.meta_backend = runtime_.meta_backend;
  environment.compute = options.compute;
  environment.graph_folder = folder_;
  environment.output_folder = options.output_folder;
  environment.model_folders = runtime_.model_folders;
  environment.allow_outside_paths = options.allow_outside_paths;
  environment.events = options.events;
  environment.on_round = options.on_round;
  environment.cancelled = options.cancelled;
  return environment;
}

absl::StatusOr<Ordered<PortSpec>> Pipeline::Params() const {
  Composites composites = Parts();
  return ParamsOf(graph_, *runtime_.registry, composites);
}

absl::StatusOr<Signature> Pipeline::Interface() const {
  Composites composites = Parts();
  return SignatureOf(graph_, *runtime_.registry, composites);
}

std::string Pipeline::Draw() const {
  Composites composites = Parts();
  return DrawSvg(graph_, *runtime_.registry, composites);
}

absl::StatusOr<Plan> Pipeline::MakePlan(const Overrides& overrides) const {
  Composites composites = Parts();
  return weft::MakePlan(graph_, *runtime_.registry, composites, overrides);
}

absl::StatusOr<DryRunResult> Pipeline::Check(const RunOptions& options) const {
  WEFT_ASSIGN_OR_RETURN(const Plan plan, MakePlan(options.overrides));
  Environment environment = MakeEnvironment(options);
  return FitMemory(plan, environment, options.memory);
}

absl::StatusOr<RunResult> Pipeline::Run(const RunOptions& options) const {
  WEFT_ASSIGN_OR_RETURN(const Plan plan, MakePlan(options.overrides));
  Environment environment = MakeEnvironment(options);
  WEFT_ASSIGN_OR_RETURN(const DryRunResult expected, FitMemory(plan, environment, options.memory));
  if (options.checked) options.checked(expected);
  WEFT_ASSIGN_OR_RETURN(environment.graph_json, Describe(options));
  return Execute(plan, environment);
}

absl::StatusOr<RunResult> Pipeline::RunUnchecked(const RunOptions& options) const {
  WEFT_ASSIGN_OR_RETURN(const Plan plan, MakePlan(options.overrides));
  Environment environment = MakeEnvironment(options);
  if (options.memory.has_value()) {
    WEFT_RETURN_IF_ERROR(FitMemory(plan, environment, options.memory).status());
  }
  return Execute(plan, environment);
}

absl::StatusOr<std::string> Pipeline::Describe(const RunOptions& options) const {
  Composites composites = Parts();
  WEFT_ASSIGN_OR_RETURN(const GraphDef inlined, Inlined(graph_, *runtime_.registry, composites));
  WEFT_ASSIGN_OR_RETURN(const Ordered<PortSpec> params,
                        ParamsOf(graph_, *runtime_.registry, composites));
  absl::btree_map<std::string, Value> values = options.overrides.params;
  for (const auto& [name, spec] : params) values.emplace(name, spec.fallback);
  const Json description = {{"graph", Json::parse(ToJson(inlined), nullptr, false)},
                            {"params", Plain(values)},
                            {"set", Plain(options.overrides.inputs)},
                            {"precision", std::string(Name(options.compute))}};
  return description.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<Pipeline> Pipeline::Replay(absl::string_view description, std::string folder,
                                          const Runtime& runtime, RunOptions& options) {
  const Json json = Json::parse(description.begin(), description.end(), nullptr, false);
  if (!json.is_object() || !json.contains("graph") || !json["graph"].is_object()) {
    return Invalid("the picture's description is not one that weft has written");
  }
  WEFT_ASSIGN_OR_RETURN(GraphDef graph,
                        ParseGraphJson(json["graph"].dump(), "the picture's graph"));
  WEFT_ASSIGN_OR_RETURN(options.overrides.params, GetValues(json, "params"));
  WEFT_ASSIGN_OR_RETURN(options.overrides.inputs, GetValues(json, "set"));
  if (const auto it = json.find("precision"); it != json.end() && it->is_string()) {
    const std::optional<DType> compute = DTypeFromName(it->get<std::string>());
    if (compute == DType::kF32 || compute == DType::kBF16) options.compute = *compute;
  }
  return Pipeline(std::move(graph), std::move(folder), runtime);
}

}  // namespace weft
