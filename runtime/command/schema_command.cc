// weft schema: the JSON Schema of graph files, for editors.

#include <cstdio>

#include "runtime/command/command.h"
#include "runtime/graph/schema.h"

namespace weft {

void AddSchemaCommand(CLI::App& app, Action& chosen) {
  CLI::App* command =
      app.add_subcommand("schema", "Print the JSON Schema of graph files, for editors");
  command->callback([&chosen] {
    chosen = [] {
      const absl::StatusOr<std::unique_ptr<WeftRuntime>> weft = OpenRuntime();
      if (!weft.ok()) return Fail(kRunFailed, weft.status());
      const std::string schema = GraphSchema((*weft)->registry(), (*weft)->InstalledComposites());
      std::fputs(schema.c_str(), stdout);
      return static_cast<int>(kOk);
    };
  });
}

}  // namespace weft
