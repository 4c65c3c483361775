#include "nodes/models/unet.h"

#include <utility>

#include "nodes/layers/affine.h"
#include "nodes/layers/spread_rows.h"

namespace weft {
UnetNetwork::UnetNetwork(const Scope& scope, const UnetConfig& config)
    : config_(config),
      conv_in_(scope.Sub("conv_in"), config.in_channels, config.channels(), config.conv_in_kernel),
      time_embedding_(scope.Sub("time_embedding"), config.channels(), config.time_width,
                      config.activation, config.guidance_width),
      norm_out_(scope.Sub("conv_norm_out"), config.channels(), config.groups, config.eps),
      conv_out_(scope.Sub("conv_out"), config.channels(), config.out_channels,
                config.conv_out_kernel) {
  UnetBuilder builder{
      .config = config, .skips = {config.channels()}, .channels = config.channels()};
  const size_t levels = config.down.size();
  for (size_t i = 0; i < levels; ++i) {
    down_.emplace_back(scope.Sub("down_blocks", static_cast<int64_t>(i)), config.down[i],
                       i + 1 == levels, builder);
  }
  skips_ = static_cast<int64_t>(builder.skips.size());
  if (config.middle != UnetConfig::Middle::kNone) {
    middle_.emplace(scope.Sub("mid_block"), config.middle_block, builder);
  }
  for (size_t i = 0; i < levels; ++i) {
    up_.emplace_back(scope.Sub("up_blocks", static_cast<int64_t>(i)), config.up[i], i + 1 == levels,
                     builder);
  }
  if (config.size_width > 0) {
    // SiLU whatever act_fn says, as diffusers has it.
    add_embedding_.emplace(scope.Sub("add_embedding"), config.pooled_and_sizes_width,
                           config.time_width, Activation::kSilu);
  }
  if (config.class_count > 0) {
    class_table_ =
        scope.Get("class_embedding.weight", Shape{config.class_count, config.time_width});
  } else if (config.class_sinusoid) {
    class_embedding_.emplace(scope.Sub("class_embedding"), config.channels(), config.time_width,
                             config.activation);
  }
  cross_attentions_ = builder.cross_attentions;
}

CrossContext UnetNetwork::EmptyContext() const {
  return {.layers = std::vector<CrossContext::Segments>(static_cast<size_t>(cross_attentions_))};
}

void UnetNetwork::AddSegment(Ops& ops, const Tensor& text, CrossContext& context) const {
  const Tensor rows = ops.Cast(ops.OnDevice(text), ops.compute());
  for (const UnetDownBlock& block : down_) block.AddSegment(ops, rows, context);
  if (middle_.has_value()) middle_->AddSegment(ops, rows, context);
  for (const UnetUpBlock& block : up_) block.AddSegment(ops, rows, context);
}

Tensor UnetNetwork::EmbedSizes(Ops& ops, const Tensor& pooled,
                               absl::Span<const double> sizes) const {
  const auto count = static_cast<int64_t>(sizes.size()) * config_.size_width;
  Tensor sinusoids = ops.Sinusoid(sizes, config_.size_width, config_.flip_sin_to_cos,
                                  config_.frequency_shift);  // [sizes, size_width]
  sinusoids = ops.Reshape(sinusoids, {count, 1});
  const Tensor text = ops.Cast(ops.OnDevice(pooled), ops.compute());  // [b, pooled width]
  if (!ops.status().ok()) return {};
  const int64_t width = text.dim(1);
  std::vector<Tensor> rows;
  for (int64_t i = 0; i < text.dim(0); ++i) {
    const Tensor row = ops.Reshape(ops.Rows(text, i, i + 1), {width, 1});
    const Tensor parts[] = {row, sinusoids};
    rows.push_back(ops.Reshape(ops.Stack(parts), {1, width + count}));
  }
  return (*add_embedding_)(ops, ops.Stack(rows));  // [b, time_width]
}

Tensor UnetNetwork::EmbedClass(Ops& ops, int64_t label) const {
  if (class_embedding_.has_value()) {
    const double value[] = {static_cast<double>(label)};
    Tensor sinusoid = ops.Sinusoid(value, config_.channels(), config_.flip_sin_to_cos,
                                   config_.frequency_shift);  // [1, widths[0]]
    return (*class_embedding_)(ops, std::move(sinusoid));
  }
  const absl::StatusOr<Tensor> id = Tensor::Of<int32_t>({1, 1}, {static_cast<int32_t>(label)});
  if (!id.ok()) {
    ops.Fail(id.status());
    return {};
  }
  return ops.Reshape(ops.Embed({&class_table_, 1}, {}, ops.OnDevice(*id)), {1, config_.time_width});
}

Tensor UnetNetwork::EmbedTime(Ops& ops, int64_t batch, double timestep,
                              const UnetCondition& condition) const {
  Tensor guidance;
  if (config_.guidance_width > 0 && condition.guidance_scale.has_value()) {
    // The embedding of w = scale - 1, a thousandfold (Luo et al. 2023, latent consistency).
    const std::vector<double> w(static_cast<size_t>(batch),
                                1000.0 * (*condition.guidance_scale - 1.0));
    guidance = ops.Sinusoid(w, config_.guidance_width, false, 1.0);  // [b, guidance_width]
  }
  const std::vector<double> timesteps(static_cast<size_t>(batch), timestep);
  Tensor t = ops.Sinusoid(timesteps, config_.channels(), config_.flip_sin_to_cos,
                          config_.frequency_shift);  // [b, widths[0]]
  if (condition.added.empty()) {
    return time_embedding_(ops, std::move(t), std::move(guidance), config_.activation);
  }
  t = time_embedding_(ops, std::move(t), std::move(guidance));  // [b, time_width]
  t = ops.Add(std::move(t), SpreadRows(ops, condition.added, batch));
  return ops.Activate(std::move(t), config_.activation);
}

Tensor UnetNetwork::operator()(Ops& ops, absl::Span<const Tensor> pictures, double timestep,
                               const UnetCondition& condition,
                               const UnetShortcuts& shortcuts) const {
  Sources sources;
  for (const Tensor& picture : pictures) {
    Tensor x = ops.OnDevice(picture);
    if (config_.center_input) x = Affine(ops, x, 2.0, -1.0);
    sources.push_back(ops.ToChannelsLast(x));  // [b, h, w, c_i]
  }
  if (!ops.status().ok()) return {};
  const UnetStep step{.time = EmbedTime(ops, pictures[0].dim(0), timestep, condition),
                      .context = &condition.context,
                      .merging = {.merging = shortcuts.merging,
                                  .latent_pixels = pictures[0].dim(2) * pictures[0].dim(3),
                                  .timestep = timestep},
                      .cut = shortcuts.cut};

  Tensor x = conv_in_(ops, std::move(sources));  // [b, h, w, widths[0]]
  std::vector<Tensor> skips = {x};
  for (const UnetDownBlock& block : down_) x = block(ops, std::move(x), step, skips);
  if (middle_.has_value() && !step.TurnsAt(skips.size())) {
    x = (*middle_)(ops, std::move(x), step);  // [b, h', w', widths[-1]]
  }
  for (const UnetUpBlock& block : up_) x = block(ops, std::move(x), step, skips);
  x = norm_out_(ops, std::move(x), config_.activation);  // [b, h, w, widths[0]]
  x = conv_out_(ops, std::move(x));                      // [b, h, w, out_channels]
  return ops.ToChannelsFirst(x);
}

}  // namespace weft
