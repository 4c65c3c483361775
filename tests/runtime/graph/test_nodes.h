#ifndef WEFT_TESTS_RUNTIME_GRAPH_TEST_NODES_H_
#define WEFT_TESTS_RUNTIME_GRAPH_TEST_NODES_H_

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "runtime/graph/registry.h"

namespace weft {

// Small nodes that the tests of the graph and of the executor wire up. None knows any model.

class Thing : public Object {
 public:
  static constexpr absl::string_view kTypeName = "thing";
  explicit Thing(int64_t size) : size_(size) {}
  absl::string_view type_name() const override { return kTypeName; }
  Traits traits() const override { return {{"size", size_}}; }

 private:
  int64_t size_;
};
struct Field : TensorPort {
  static constexpr absl::string_view kTypeName = "field";
};

// What the nodes did, for tests to look at.
struct Log {
  std::vector<std::string> ran;
  std::vector<bool> took_last_reference;
  std::atomic<bool> cancel{false};
};

inline Registry TestRegistry(Log& log) {
  static constexpr In<double> kA{.name = "a", .doc = "A summand"};
  static constexpr In<double> kB{
      .name = "b", .doc = "Another", .fallback = 1.0, .min = -100, .max = 100};
  static constexpr Out<double> kSum{"sum", "a + b"};
  static constexpr In<int64_t> kCount{.name = "count", .doc = "How many", .fallback = 3, .min = 0};
  static constexpr Out<ListOf<int64_t>> kList{"list", "0, 1, 2 …"};
  static constexpr In<ListOf<double>> kParts{.name = "parts", .doc = "Summands"};
  static constexpr Out<double> kTotal{"total", "Their sum"};
  static constexpr Out<bool> kLess{"less", "a < b"};
  static constexpr In<Text> kText{.name = "text", .doc = "Said", .fallback = ""};
  static constexpr absl::string_view kModes[] = {"loud", "quiet"};
  static constexpr In<Text> kMode{
      .name = "mode", .doc = "How", .fallback = "loud", .choices = kModes};
  static constexpr Out<Text> kSaid{"said", "The text"};
  static constexpr In<int64_t> kSize{.name = "size", .doc = "Its size", .fallback = 4, .min = 1};
  static constexpr Out<Thing> kThing{"thing", "A thing"};
  static constexpr In<Thing> kThingIn{.name = "thing", .doc = "The thing to use"};
  static constexpr In<Thing> kThingMaybe{.name = "thing", .doc = "Or none", .optional = true};
  static constexpr Out<Field> kField{"field", "Zeros"};
  static constexpr In<Field> kFieldIn{.name = "field", .doc = "A field"};
  static constexpr In<Any> kValue{.name = "value", .doc = "Anything"};
  static constexpr Out<Any> kRecord{"record", "{number: 7, inner: {deep: true}}"};

  Registry registry;
  const auto add = [&registry](NodeType type) {
    if (absl::Status status = registry.Add(std::move(type)); !status.ok()) std::abort();
  };
  add({Contract{.type = "Add",
                .doc = "a + b",
                .category = "test",
                .inputs = {kA, kB},
                .outputs = {kSum}},
       [&log](NodeContext& ctx) {
         if (!ctx.dry_run()) log.ran.push_back("Add");
         ctx.Set(kSum, ctx.Get(kA) + ctx.Get(kB));
         return absl::OkStatus();
       }});
  add({Contract{.type = "Count",
                .doc = "0 … count-1",
                .category = "test",
                .inputs = {kCount},
                .outputs = {kList}},
       [](NodeContext& ctx) {
         std::vector<int64_t> list;
         for (int64_t i = 0; i < ctx.Get(kCount); ++i) list.push_back(i);
         ctx.Set(kList, list);
         return absl::OkStatus();
       }});
  add({Contract{.type = "Sum",
                .doc = "The sum of a list",
                .category = "test",
                .inputs = {kParts},
                .outputs = {kTotal}},
       [](NodeContext& ctx) {
         double total = 0;
         for (const double part : ctx.Get(kParts)) total += part;
         ctx.Set(kTotal, total);
         return absl::OkStatus();
       }});
  add({Contract{.type = "Less",
                .doc = "a < b",
                .category = "test",
                .inputs = {kA, kB},
                .outputs = {kLess}},
       [](NodeContext& ctx) {
         ctx.Set(kLess, ctx.Get(kA) < ctx.Get(kB));
         return absl::OkStatus();
       }});
  add({Contract{.type = "Say",
                .doc = "Notes its text",
                .category = "test",
                .effect = true,
                .inputs = {kText, kMode},
                .outputs = {kSaid}},
       [&log](NodeContext& ctx) {
         if (!ctx.dry_run()) log.ran.push_back("Say " + ctx.Get(kText));
         ctx.Set(kSaid, ctx.Get(kText));
         return absl::OkStatus();
       }});
  add({Contract{.type = "SayBeside",
                .doc = "Notes its text, beside the heavy nodes",
                .category = "test",
                .effect = true,
                .light = true,
                .inputs = {kText},
                .outputs = {kSaid}},
       [](NodeContext& ctx) {
         if (!ctx.dry_run() && ctx.Get(kText) == "fail")
           return absl::DataLossError("could not say it");
         ctx.Set(kSaid, ctx.Get(kText) + "!");
         return absl::OkStatus();
       }});
  add({Contract{.type = "MakeThing",
                .doc = "A thing",
                .category = "test",
                .inputs = {kSize},
                .outputs = {kThing}},
       [](NodeContext& ctx) {
         ctx.Set(kThing, std::make_shared<const Thing>(ctx.Get(kSize)));
         return absl::OkStatus();
       }});
  add({Contract{.type = "UseThing",
                .doc = "Needs a thing of size 4",
                .category = "test",
                .inputs = {kThingIn},
                .outputs = {kSum}},
       [](NodeContext& ctx) {
         if (absl::Status s = ctx.Expect(kThingIn, "size", 4, "UseThing's own size"); !s.ok())
           return s;
         ctx.Set(kSum, 4.0);
         return absl::OkStatus();
       }});
  add({Contract{.type = "MaybeThing",
                .doc = "1 with a thing, else 0",
                .category = "test",
                .inputs = {kThingMaybe},
                .outputs = {kSum}},
       [](NodeContext& ctx) {
         ctx.Set(kSum, ctx.Has(kThingMaybe) ? 1.0 : 0.0);
         return absl::OkStatus();
       }});
  add({Contract{.type = "Zeros",
                .doc = "count zeros",
                .category = "test",
                .inputs = {kCount},
                .outputs = {kField}},
       [](NodeContext& ctx) -> absl::Status {
         absl::StatusOr<Tensor> field =
             Tensor::Allocate(ctx.allocator(), DType::kF32, Shape{ctx.Get(kCount)});
         if (!field.ok()) return field.status();
         if (!ctx.dry_run()) std::fill_n(field->mutable_data<float>(), field->numel(), 0.0f);
         ctx.Set(kField, *field);
         return absl::OkStatus();
       }});
  add({Contract{.type = "Raise",
                .doc = "Adds one, in place where it may",
                .category = "test",
                .inputs = {kFieldIn},
                .outputs = {kField}},
       [&log](NodeContext& ctx) -> absl::Status {
         Tensor field = ctx.Take(kFieldIn);
         if (ctx.dry_run()) {
           ctx.Set(kField, field);
           return absl::OkStatus();
         }
         log.took_last_reference.push_back(field.unique());
         if (!field.unique()) {
           absl::StatusOr<Tensor> copy =
               Tensor::Allocate(ctx.allocator(), DType::kF32, field.shape());
           if (!copy.ok()) return copy.status();
           std::copy_n(field.data<float>(), field.numel(), copy->mutable_data<float>());
           field = *copy;
         }
         for (int64_t i = 0; i < field.numel(); ++i) field.mutable_data<float>()[i] += 1.0f;
         ctx.Set(kField, field);
         return absl::OkStatus();
       }});
  add({Contract{.type = "Cancel",
                .doc = "Cancels the run",
                .category = "test",
                .effect = true,
                .inputs = {},
                .outputs = {}},
       [&log](NodeContext& ctx) {
         if (!ctx.dry_run()) log.cancel = true;
         return absl::OkStatus();
       }});
  add({Contract{.type = "Fail",
                .doc = "Fails when it runs",
                .category = "test",
                .inputs = {kA},
                .outputs = {kSum}},
       [](NodeContext& ctx) -> absl::Status {
         if (ctx.dry_run()) {
           ctx.Set(kSum, 0.0);
           return absl::OkStatus();
         }
         return ctx.PortError(kA, "is not to its taste");
       }});
  add({Contract{.type = "Throw",
                .doc = "Throws as a library might",
                .category = "test",
                .inputs = {},
                .outputs = {kSum}},
       [](NodeContext& ctx) -> absl::Status {
         if (ctx.dry_run()) {
           ctx.Set(kSum, 0.0);
           return absl::OkStatus();
         }
         throw std::bad_alloc();
       }});
  add({Contract{.type = "MakeRecord",
                .doc = "A record",
                .category = "test",
                .inputs = {},
                .outputs = {kRecord}},
       [](NodeContext& ctx) {
         Record inner;
         inner["deep"] = Value(true);
         Record record;
         record["number"] = Value(int64_t{7});
         record["inner"] = Value(std::move(inner));
         ctx.Set(kRecord, Value(std::move(record)));
         return absl::OkStatus();
       }});
  add({Contract{.type = "Forget",
                .doc = "Takes anything",
                .category = "test",
                .effect = true,
                .inputs = {kValue},
                .outputs = {}},
       [](NodeContext&) { return absl::OkStatus(); }});
  return registry;
}

}  // namespace weft

#endif  // WEFT_TESTS_RUNTIME_GRAPH_TEST_NODES_H_
