// weft nodes [TYPE]: the catalogue, read from the contracts.

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "runtime/base/nearest_name.h"
#include "runtime/command/command.h"
#include "runtime/graph/value_json.h"

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

struct NodesArguments {
  std::string type;
  bool json = false;
};

Json ToJson(const PortSpec& port, bool input) {
  Json json = {{"name", port.name}, {"type", port.type.ToString()}};
  if (input) json["required"] = port.required;
  if (!port.fallback.is_null()) json["default"] = ToJsonValue(port.fallback);
  if (port.min.has_value()) json["min"] = *port.min;
  if (port.max.has_value()) json["max"] = *port.max;
  if (!port.choices.empty()) json["choices"] = port.choices;
  json["doc"] = port.doc;
  return json;
}

Json ToJson(const Contract& contract) {
  Json json = {{"type", contract.type},         {"doc", contract.doc},
               {"category", contract.category}, {"version", contract.version},
               {"effect", contract.effect},     {"inputs", Json::array()},
               {"outputs", Json::array()}};
  for (const PortSpec& port : contract.inputs) json["inputs"].push_back(ToJson(port, true));
  for (const PortSpec& port : contract.outputs) json["outputs"].push_back(ToJson(port, false));
  return json;
}

std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string Range(const PortSpec& port) {
  if (!port.choices.empty()) return absl::StrCat("one of ", absl::StrJoin(port.choices, ", "));
  if (port.min.has_value() && port.max.has_value()) return absl::StrCat(*port.min, "..", *port.max);
  if (port.min.has_value()) return absl::StrCat("at least ", *port.min);
  if (port.max.has_value()) return absl::StrCat("at most ", *port.max);
  return "";
}

std::string InputText(const PortSpec& port) {
  std::string text = port.type.ToString();
  if (!port.fallback.is_null()) {
    absl::StrAppend(&text, " = ", Dump(ToJsonValue(port.fallback)));
  } else if (!port.required) {
    absl::StrAppend(&text, ", optional");
  }
  if (const std::string range = Range(port); !range.empty()) absl::StrAppend(&text, ", ", range);
  return text;
}

void PrintPorts(absl::string_view title, const std::vector<PortSpec>& ports, bool input) {
  if (ports.empty()) return;
  size_t width = 0;
  for (const PortSpec& port : ports) width = std::max(width, port.name.size());
  absl::PrintF("\n%s\n", title);
  for (const PortSpec& port : ports) {
    absl::PrintF("  %-*s  %s\n", static_cast<int>(width), port.name,
                 input ? InputText(port) : port.type.ToString());
    if (!port.doc.empty()) absl::PrintF("  %*s  %s\n", static_cast<int>(width), "", port.doc);
  }
}

void PrintContract(const Contract& contract) {
  absl::PrintF("%s (%s)%s\n%s\n", contract.type, contract.category,
               contract.effect ? ", an effect: it runs though no output needs it" : "",
               contract.doc);
  PrintPorts("inputs and params", contract.inputs, true);
  PrintPorts("outputs", contract.outputs, false);
}

void PrintTable(const std::vector<Contract>& contracts) {
  std::map<std::string, std::vector<const Contract*>> categories;
  size_t width = 0;
  for (const Contract& contract : contracts) {
    categories[contract.category].push_back(&contract);
    width = std::max(width, contract.type.size());
  }
  bool first = true;
  for (const auto& [category, members] : categories) {
    absl::PrintF("%s%s\n", first ? "" : "\n", category);
    first = false;
    for (const Contract* contract : members) {
      absl::PrintF("  %-*s  %s\n", static_cast<int>(width), contract->type, contract->doc);
    }
  }
}

// The control nodes, which no registry holds.
std::vector<Contract> ControlContracts() {
  const auto port = [](absl::string_view name, Type type, absl::string_view doc, bool required) {
    PortSpec spec;
    spec.name = std::string(name);
    spec.type = std::move(type);
    spec.doc = std::string(doc);
    spec.required = required;
    return spec;
  };
  return {Contract{.type = "Loop",
                   .doc = "Runs its \"body\" for each item of a list, or \"while\" a carried bool "
                          "holds; gives what it carries and the lists that it collects.",
                   .category = "control",
                   .inputs = {port("over", Type{"any", true}, "The list to go over.", false),
                              port("max_rounds", Type{"int"},
                                   "Of a loop with \"while\": more rounds are an error.", false)}},
          Contract{.type = "If",
                   .doc = "Runs \"then\" or \"else\"; gives the outputs that both have.",
                   .category = "control",
                   .inputs = {port("condition", Type{"bool"}, "Which of the two.", true)}}};
}

int Nodes(const NodesArguments& arguments) {
  const absl::StatusOr<std::unique_ptr<WeftRuntime>> weft = OpenRuntime();
  if (!weft.ok()) return Fail(kRunFailed, weft.status());
  std::vector<Contract> contracts = ControlContracts();
  for (const auto& type : (*weft)->registry().Types()) contracts.push_back(type->contract);
  for (Contract& composite : (*weft)->InstalledComposites()) {
    contracts.push_back(std::move(composite));
  }
  if (arguments.type.empty()) {
    if (!arguments.json) {
      PrintTable(contracts);
      return kOk;
    }
    Json all = Json::array();
    for (const Contract& contract : contracts) all.push_back(ToJson(contract));
    std::printf("%s\n", Dump(all).c_str());
    return kOk;
  }
  std::vector<std::string> names;
  for (const Contract& contract : contracts) {
    names.push_back(contract.type);
    if (contract.type != arguments.type) continue;
    if (arguments.json) {
      std::printf("%s\n", Dump(ToJson(contract)).c_str());
    } else {
      PrintContract(contract);
    }
    return kOk;
  }
  PrintError(absl::StrCat("unknown node type \"", arguments.type, "\"",
                          DidYouMean(arguments.type, names)));
  return kBadUsage;
}

}  // namespace

void AddNodesCommand(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("nodes", "List the node types, or describe one");
  auto arguments = std::make_shared<NodesArguments>();
  command->add_option("TYPE", arguments->type, "The node type to describe");
  command->add_flag("--json", arguments->json, "For programs");
  command->callback([arguments, &chosen] { chosen = [arguments] { return Nodes(*arguments); }; });
}

}  // namespace weft
