// LoadEmbedding: a learned word (textual inversion), a few rows for a text encoder's table.

#include "absl/strings/str_cat.h"
#include "nodes/text/text_embedding.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Text> kPath{.name = "path",
                         .doc =
                             "An embedding, .pt or .safetensors; relative to the graph, then along "
                             "WEFT_MODELS."};
constexpr Out<TextEmbedding> kEmbedding{.name = "embedding", .doc = "For ApplyTextualInversion."};

absl::Status Run(NodeContext& ctx) {
  const absl::StatusOr<std::string> path = ctx.environment().ModelPath(ctx.Get(kPath));
  if (!path.ok()) return ctx.PortError(kPath, path.status().message());
  const auto embedding = TextEmbedding::Open(*path);
  if (!embedding.ok()) return ctx.PortError(kPath, embedding.status().message());
  ctx.Set(kEmbedding, *embedding);
  return absl::OkStatus();
}

}  // namespace

NodeType LoadEmbeddingNode() {
  return NodeType{Contract{.type = "LoadEmbedding",
                           .doc = "A learned word (textual inversion) from its file.",
                           .category = "io",
                           .inputs = {kPath},
                           .outputs = {kEmbedding}},
                  Run};
}

}  // namespace weft
