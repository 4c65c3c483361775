#include "runtime/graph/schema.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "tests/runtime/graph/test_nodes.h"

namespace weft {
namespace {

using Json = nlohmann::json;

Json Schema(const std::vector<Contract>& composites = {}) {
  Log log;
  return Json::parse(GraphSchema(TestRegistry(log), composites), nullptr, false);
}

PortSpec Port(const char* name, const char* type) {
  PortSpec port;
  port.name = name;
  port.type = Type::Parse(type);
  port.required = true;
  return port;
}

TEST(Schema, IsJsonOfDraft2020) {
  const Json schema = Schema();
  ASSERT_TRUE(schema.is_object());
  EXPECT_EQ(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

TEST(Schema, DescribesEveryPortOfANode) {
  Log log;
  const Registry registry = TestRegistry(log);
  const Json schema = Schema();
  for (const auto& type : registry.Types()) {
    const std::string& name = type->contract.type;
    const Json& node = schema["$defs"][name]["properties"];
    for (const PortSpec& port : type->contract.inputs) {
      ASSERT_TRUE(node["inputs"]["properties"].contains(port.name)) << name << "." << port.name;
      const bool scalar = port.type.name == "int" || port.type.name == "float" ||
                          port.type.name == "text" || port.type.name == "bool";
      EXPECT_EQ(node["params"]["properties"].contains(port.name), scalar || port.type.name == "any")
          << name << "." << port.name;
      if (!scalar || port.type.list) continue;
      const Json& literal = node["params"]["properties"][port.name];
      EXPECT_EQ(literal.contains("default"), !port.fallback.is_null()) << name << "." << port.name;
      EXPECT_EQ(literal.contains("minimum"), port.min.has_value()) << name << "." << port.name;
    }
  }
}

TEST(Schema, EveryReferenceLeadsSomewhere) {
  const Json schema = Schema({Contract{.type = "Whole", .inputs = {Port("a", "float")}}});
  int references = 0;
  const std::function<void(const Json&)> walk = [&](const Json& at) {
    if (at.is_object() && at.contains("$ref") && at["$ref"].is_string()) {
      const std::string name = at["$ref"].get<std::string>().substr(std::string("#/$defs/").size());
      EXPECT_TRUE(schema["$defs"].contains(name)) << name;
      ++references;
    }
    if (at.is_structured()) {
      for (const Json& item : at) walk(item);
    }
  };
  walk(schema);
  EXPECT_GT(references, 20);
}

TEST(Schema, LeavesCompositesOpenForAnotherFileMayStandForThem) {
  const Json schema = Schema({Contract{.type = "Whole", .inputs = {Port("a", "float")}}});
  const Json& whole = schema["$defs"]["Whole"];
  EXPECT_FALSE(whole.contains("allOf"));
  EXPECT_EQ(whole["properties"]["params"]["additionalProperties"], true);
}

}  // namespace
}  // namespace weft
