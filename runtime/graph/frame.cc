#include "runtime/graph/frame.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/nearest_name.h"
#include "runtime/graph/declared_ports.h"

namespace weft {
namespace {

constexpr size_t kMaxNesting = 64;
constexpr int kMaxSlots = 1 << 15;  // composites can multiply

}  // namespace

Entry* Frame::Find(absl::string_view id) const {
  for (const std::unique_ptr<Entry>& entry : entries) {
    if (entry->id == id) return entry.get();
  }
  return nullptr;
}

Entry* Frame::FindBelow(absl::string_view id) const {
  if (Entry* entry = Find(id)) return entry;
  for (const std::unique_ptr<Entry>& entry : entries) {
    for (const Frame* body : {entry->body.get(), entry->else_body.get()}) {
      if (body == nullptr) continue;
      if (Entry* found = body->FindBelow(id)) return found;
    }
  }
  return nullptr;
}

std::vector<std::string> Frame::Ids() const {
  std::vector<std::string> ids = {"graph"};
  for (const Frame* frame = this; frame != nullptr; frame = frame->around) {
    for (const std::unique_ptr<Entry>& entry : frame->entries) ids.push_back(entry->id);
  }
  return ids;
}

Problem Resolver::At(const Frame& frame, const Entry& entry, absl::string_view port,
                     const InputDef* input) const {
  Problem problem;
  problem.file = frame.graph->file;
  problem.line = input != nullptr && input->line > 0 ? input->line : entry.def->line;
  problem.json_path = absl::StrCat(frame.json_path, entry.id);
  if (input != nullptr && !port.empty()) {
    absl::StrAppend(&problem.json_path, input->literal() != nullptr ? ".params." : ".inputs.",
                    port);
  }
  problem.node = absl::StrCat(frame.path, entry.id);
  problem.type = entry.def->type;
  problem.port = std::string(port);
  return problem;
}

void Resolver::Note(Problem at, std::string message) {
  if (silent_) return;
  at.message = std::move(message);
  // The same fault of a composite's file shows once, however often it is used.
  const std::string text = at.ToString();
  for (const Problem& known : problems) {
    if (known.ToString() == text) return;
  }
  problems.push_back(std::move(at));
}

void Resolver::Declare(Frame& frame, const Ordered<NodeDef>& nodes) {
  for (const auto& [id, def] : nodes) {
    if (too_many_) return;
    auto owned = std::make_unique<Entry>();
    Entry& entry = *owned;
    entry.id = id;
    entry.def = &def;
    for (const Frame* outer = frame.around; outer != nullptr; outer = outer->around) {
      if (outer->Find(id) != nullptr) {
        Note(At(frame, entry), absl::StrCat("a node of the graph around it is called \"", id,
                                            "\" too; choose another id"));
      }
    }
    frame.entries.push_back(std::move(owned));
    if (def.is_loop()) {
      DeclareLoop(frame, entry);
    } else if (def.is_if()) {
      DeclareIf(frame, entry);
    } else if (std::shared_ptr<const NodeType> type = registry_.Find(def.type)) {
      absl::StatusOr<std::shared_ptr<const NodeType>> with_ports =
          WithDeclaredPorts(std::move(type), def);
      if (!with_ports.ok()) {
        Note(At(frame, entry), std::string(with_ports.status().message()));
        entry.broken = true;
        continue;
      }
      entry.type = *std::move(with_ports);
      for (const PortSpec& port : entry.type->contract.outputs) {
        entry.outputs[port.name] = NewSlot(port.type);
      }
    } else {
      DeclareComposite(frame, entry);
    }
  }
}

std::unique_ptr<Frame> Resolver::BodyFrame(Frame& around, const Entry& entry, const BodyDef& body,
                                           absl::string_view name) {
  auto frame = std::make_unique<Frame>();
  frame->graph = around.graph;
  frame->around = &around;
  frame->path = absl::StrCat(around.path, entry.id, "/");
  frame->json_path = absl::StrCat(around.json_path, entry.id, ".", name, ".nodes.");
  frame->loop = entry.def->is_loop() ? &entry : nullptr;
  Declare(*frame, body.nodes);
  return frame;
}

void Resolver::DeclareLoop(Frame& frame, Entry& entry) {
  const NodeDef& def = *entry.def;
  if (def.body == nullptr) {
    entry.broken = true;
    return;
  }
  const Frame* around = &frame;
  entry.inside["index"] = NewSlot(Type{"int"});
  if (const InputDef* over = FindIn(def.inputs, "over")) {
    entry.inside["item"] = NewSlot([this, around, over] {
      Type type = SilentType(*around, *over);
      type.list = false;
      return type;
    });
  }
  for (const auto& [name, initial] : def.carry) {
    const InputDef* first = &initial;
    const InputDef* next = FindIn(def.body->next, name);
    Entry* self = &entry;
    const auto type = [this, around, first, next, self] {
      const Type begins = SilentType(*around, *first);
      if (begins.name != "any" || next == nullptr || self->body == nullptr) return begins;
      return SilentType(*self->body, *next);
    };
    if (name == "item" || name == "index") {
      Note(At(frame, entry), absl::StrCat("\"", name, "\" is taken: choose another name to carry"));
    }
    entry.inside[name] = NewSlot(type);
    entry.outputs[name] = NewSlot(type);
  }
  for (const auto& [name, item] : def.body->collect) {
    if (entry.outputs.contains(name)) {
      Note(At(frame, entry), absl::StrCat("\"", name, "\" is both carried and collected"));
      continue;
    }
    const InputDef* collected = &item;
    Entry* self = &entry;
    entry.outputs[name] = NewSlot([this, self, collected] {
      Type type = self->body != nullptr ? SilentType(*self->body, *collected) : Type{"any"};
      type.list = true;  // a list of lists has no name of its own
      return type;
    });
  }
  entry.body = BodyFrame(frame, entry, *def.body, "body");
}

void Resolver::DeclareIf(Frame& frame, Entry& entry) {
  const NodeDef& def = *entry.def;
  if (def.body == nullptr || def.else_body == nullptr) {
    entry.broken = true;
    return;
  }
  for (const auto& [name, output] : def.body->outputs) {
    const InputDef* result = &output;
    Entry* self = &entry;
    entry.outputs[name] = NewSlot([this, self, result] {
      return self->body != nullptr ? SilentType(*self->body, *result) : Type{"any"};
    });
  }
  entry.body = BodyFrame(frame, entry, *def.body, "then");
  entry.else_body = BodyFrame(frame, entry, *def.else_body, "else");
}

void Resolver::DeclareComposite(Frame& frame, Entry& entry) {
  const std::string& type = entry.def->type;
  entry.broken = true;
  // A composite inside itself would never end.
  std::vector<std::string> chain = {type};
  for (const Frame* f = &frame.Closed(); f->call != nullptr; f = &f->caller->Closed()) {
    chain.push_back(f->call->def->type);
    if (chain.back() == type) {
      std::reverse(chain.begin(), chain.end());
      Note(At(frame, entry),
           absl::StrCat("the composite contains itself: ", absl::StrJoin(chain, " → ")));
      return;
    }
    if (chain.size() > kMaxNesting) {
      Note(At(frame, entry), absl::StrCat("composites are nested deeper than ", kMaxNesting));
      return;
    }
  }
  // What a graph inlines holds for the composites that it inlines as well.
  absl::StatusOr<std::shared_ptr<const GraphDef>> graph = absl::NotFoundError("");
  for (const Frame* f = &frame.Closed(); absl::IsNotFound(graph.status());
       f = &f->caller->Closed()) {
    graph = composites_.Find(type, *f->graph);
    if (f->caller == nullptr) break;
  }
  if (!graph.ok()) {
    if (absl::IsNotFound(graph.status())) {
      std::vector<std::string> known = registry_.TypeNames();
      for (std::string& name : composites_.TypeNames()) known.push_back(std::move(name));
      for (const auto& [name, g] : frame.Closed().graph->composites) known.push_back(name);
      known.insert(known.end(), {"Loop", "If"});
      Note(At(frame, entry),
           absl::StrCat("unknown node type \"", type, "\"", DidYouMean(type, known)));
    } else {
      for (Problem& problem : ProblemsOf(graph.status())) Note(problem, problem.message);
    }
    return;
  }
  if (slots() > kMaxSlots) {
    too_many_ = true;
    Note(At(frame, entry), absl::StrCat("the graph has grown past ", kMaxSlots,
                                        " values: too many composites inside composites"));
    return;
  }
  entry.broken = false;
  entry.composite = std::make_unique<Frame>();
  Frame& inside = *entry.composite;
  inside.graph = graph->get();
  inside.caller = &frame;
  inside.call = &entry;
  inside.path = absl::StrCat(frame.path, entry.id, "/");
  inside.json_path = "nodes.";
  Declare(inside, inside.graph->nodes);
}

}  // namespace weft
