// The tiles of Winograd's convolution, for any vectors of floats. `Simd` has
//   Element, Vector, kLanes(), Load(p), LoadSome(p, count), Store(v, p), StoreSome(v, p, count) of
//   elements, LoadFloats(p), Add, Sub, Zero().
// Included inside of the namespace, and with the attributes, of the instruction set.

// d → Bᵀ d along one direction, and the same for the three pixels of a doubled one.
template <typename Simd>
HWY_INLINE void InputFrequencies(const typename Simd::Vector (&d)[4],
                                 typename Simd::Vector (&v)[4]) {
  v[0] = Simd::Sub(d[0], d[2]);
  v[1] = Simd::Add(d[1], d[2]);
  v[2] = Simd::Sub(d[2], d[1]);
  v[3] = Simd::Sub(d[1], d[3]);
}
template <typename Simd>
HWY_INLINE void InputFrequencies(const typename Simd::Vector (&d)[3],
                                 typename Simd::Vector (&v)[3]) {
  v[0] = Simd::Sub(d[0], d[1]);
  v[1] = Simd::Add(d[1], d[1]);
  v[2] = Simd::Sub(d[1], d[2]);
}

// m → Aᵀ m along one direction.
template <typename Simd>
HWY_INLINE void OutputPixels(const typename Simd::Vector (&m)[4], typename Simd::Vector (&y)[2]) {
  const auto middle = Simd::Add(m[1], m[2]);
  const auto difference = Simd::Sub(m[1], m[2]);
  y[0] = Simd::Add(m[0], middle);
  y[1] = Simd::Sub(difference, m[3]);
}
template <typename Simd>
HWY_INLINE void OutputPixels(const typename Simd::Vector (&m)[3], typename Simd::Vector (&y)[2]) {
  y[0] = Simd::Add(m[0], m[1]);
  y[1] = Simd::Sub(m[1], m[2]);
}

template <typename Simd, bool kAll>
HWY_INLINE typename Simd::Vector LoadElements(const typename Simd::Element* p, int64_t count) {
  if constexpr (kAll) {
    return Simd::Load(p);
  } else {
    return Simd::LoadSome(p, count);
  }
}
template <typename Simd, bool kAll>
HWY_INLINE void StoreElements(typename Simd::Vector v, typename Simd::Element* p, int64_t count) {
  if constexpr (kAll) {
    Simd::Store(v, p);
  } else {
    Simd::StoreSome(v, p, count);
  }
}

// The frequencies of one vector of channels of one tile (`count` channels unless kAll), `plane`
// elements apart. A null pixel is outside of the picture.
template <typename Simd, int kSide, bool kAll>
HWY_INLINE void InputVector(const typename Simd::Element* const (&pixels)[kSide][kSide], int64_t c,
                            int64_t count, typename Simd::Element* target, int64_t plane) {
  using Vector = typename Simd::Vector;
  Vector half[kSide][kSide];  // frequencies of rows, columns of pixels
  for (int j = 0; j < kSide; ++j) {
    Vector d[kSide], f[kSide];
    for (int i = 0; i < kSide; ++i) {
      d[i] = pixels[i][j] != nullptr ? LoadElements<Simd, kAll>(pixels[i][j] + c, count)
                                     : Simd::Zero();
    }
    InputFrequencies<Simd>(d, f);
    for (int i = 0; i < kSide; ++i) half[i][j] = f[i];
  }
  for (int i = 0; i < kSide; ++i) {
    Vector f[kSide];
    InputFrequencies<Simd>(half[i], f);
    for (int j = 0; j < kSide; ++j) {
      StoreElements<Simd, kAll>(f[j], target + (i * kSide + j) * plane + c, count);
    }
  }
}

// Pixels around each tile → [frequency][tile][depth].
template <typename Simd, int kSide>
void WinogradInput(const WinogradTiles& tiles, int64_t depth, typename Simd::Element* v) {
  using T = typename Simd::Element;
  const WinogradTask& task = *tiles.task;
  constexpr int64_t kStep = kSide == 4 ? 2 : 1;  // source pixels from one tile to the next
  const int64_t rows = (task.height + kStep - 1) / kStep;
  const int64_t columns = (task.width + kStep - 1) / kStep;
  const int64_t plane = tiles.count * depth;
  const int64_t lanes = Simd::kLanes();
  for (int64_t t = 0; t < tiles.count; ++t) {
    const int64_t tile = tiles.first + t;
    const int64_t picture = tile / (rows * columns);
    const int64_t top = tile / columns % rows * kStep - 1;
    const int64_t left = tile % columns * kStep - 1;
    T* target = v + t * depth;
    for (const ConvSource& source : task.sources) {
      const T* pixels[kSide][kSide];
      for (int64_t i = 0; i < kSide; ++i) {
        for (int64_t j = 0; j < kSide; ++j) {
          const int64_t y = top + i;
          const int64_t x = left + j;
          const bool inside = y >= 0 && y < task.height && x >= 0 && x < task.width;
          pixels[i][j] = inside
                             ? static_cast<const T*>(source.data) +
                                   ((picture * task.height + y) * task.width + x) * source.channels
                             : nullptr;
        }
      }
      int64_t c = 0;
      for (; c + lanes <= source.channels; c += lanes) {
        InputVector<Simd, kSide, true>(pixels, c, lanes, target, plane);
      }
      if (const int64_t rest = source.channels - c; rest > 0) {
        InputVector<Simd, kSide, false>(pixels, c, rest, target, plane);
      }
      target += source.channels;
    }
    // Channels in pairs may end with half a pair.
    for (int64_t c = task.in_channels; c < depth; ++c) {
      for (int f = 0; f < kSide * kSide; ++f) v[f * plane + t * depth + c] = T{};
    }
  }
}

// The pixels of one vector of channels of one tile; `m` and `here` begin there. `plane`: floats
// from one frequency to the next.
template <typename Simd, int kSide, bool kAll>
HWY_INLINE void OutputVector(const WinogradTask& task, const float* m, int64_t plane,
                             typename Simd::Vector shift, int64_t here, int64_t rows,
                             int64_t columns, int64_t width, int64_t count) {
  using T = typename Simd::Element;
  using Vector = typename Simd::Vector;
  Vector half[2][kSide];  // pixels of rows, frequencies of columns
  for (int j = 0; j < kSide; ++j) {
    Vector f[kSide], y[2];
    for (int i = 0; i < kSide; ++i) f[i] = Simd::LoadFloats(m + (i * kSide + j) * plane);
    OutputPixels<Simd>(f, y);
    half[0][j] = y[0];
    half[1][j] = y[1];
  }
  for (int64_t i = 0; i < rows; ++i) {
    Vector y[2];
    OutputPixels<Simd>(half[i], y);
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t at = here + (i * width + j) * task.out_channels;
      Vector result = Simd::Add(y[j], shift);
      if (task.residual != nullptr) {
        const T* residual = static_cast<const T*>(task.residual) + at;
        result = Simd::Add(result, LoadElements<Simd, kAll>(residual, count));
      }
      StoreElements<Simd, kAll>(result, static_cast<T*>(task.output) + at, count);
    }
  }
}

// [frequency][tile][64] → the pixels of each tile, for the channels from `channel`. bias: [64] of
// these.
template <typename Simd, int kSide>
void WinogradOutput(const WinogradTiles& tiles, int64_t channel, const float* m,
                    const float* bias) {
  using T = typename Simd::Element;
  const WinogradTask& task = *tiles.task;
  const int64_t scale = kSide == 3 ? 2 : 1;
  const int64_t height = task.height * scale;
  const int64_t width = task.width * scale;
  const int64_t rows = (height + 1) / 2;
  const int64_t columns = (width + 1) / 2;
  const int64_t lanes = Simd::kLanes();
  const int64_t channels = std::min(kWinogradPanel, task.out_channels - channel);
  const int64_t plane = tiles.count * kWinogradPanel;
  for (int64_t t = 0; t < tiles.count; ++t) {
    const int64_t tile = tiles.first + t;
    const int64_t picture = tile / (rows * columns);
    const int64_t top = tile / columns % rows * 2;
    const int64_t left = tile % columns * 2;
    const int64_t here = ((picture * height + top) * width + left) * task.out_channels + channel;
    const int64_t below = std::min<int64_t>(2, height - top);
    const int64_t beside = std::min<int64_t>(2, width - left);
    const T* per_channel = static_cast<const T*>(task.per_channel);
    if (per_channel != nullptr) per_channel += picture * task.out_channels + channel;
    const float* from = m + t * kWinogradPanel;
    for (int64_t c = 0; c < channels; c += lanes) {
      const int64_t count = std::min(lanes, channels - c);
      auto shift = Simd::LoadFloats(bias + c);
      if (count == lanes) {
        if (per_channel != nullptr) shift = Simd::Add(shift, Simd::Load(per_channel + c));
        OutputVector<Simd, kSide, true>(task, from + c, plane, shift, here + c, below, beside,
                                        width, count);
      } else {
        if (per_channel != nullptr) {
          shift = Simd::Add(shift, Simd::LoadSome(per_channel + c, count));
        }
        OutputVector<Simd, kSide, false>(task, from + c, plane, shift, here + c, below, beside,
                                         width, count);
      }
    }
  }
}
