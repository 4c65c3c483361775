#include "runtime/tensor/buffer.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/tensor/large_blocks.h"

namespace weft {
namespace {

constexpr size_t kAlignment = 64;  // a cache line, and one AVX-512 register

// AddressSanitizer watches what malloc gives, and nothing else.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kByPages = false;
#elif defined(__has_feature)
constexpr bool kByPages = !__has_feature(address_sanitizer);  // clang's way of telling
#else
constexpr bool kByPages = true;
#endif

std::byte* Take(size_t bytes) {
  if (kByPages && bytes >= kLargeBlock) return static_cast<std::byte*>(TakeLargeBlock(bytes));
  const size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  return static_cast<std::byte*>(
      std::aligned_alloc(kAlignment, rounded == 0 ? kAlignment : rounded));
}

void Give(std::byte* data, size_t bytes) {
  if (kByPages && bytes >= kLargeBlock) {
    GiveLargeBlock(data, bytes);
  } else {
    std::free(data);
  }
}

}  // namespace

void MemoryMeter::Add(size_t bytes) {
  const size_t now = live_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  size_t peak = peak_.load(std::memory_order_relaxed);
  while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
}

void MemoryMeter::Remove(size_t bytes) { live_.fetch_sub(bytes, std::memory_order_relaxed); }

absl::StatusOr<std::shared_ptr<Buffer>> Buffer::Allocate(Device device, size_t bytes,
                                                         std::shared_ptr<MemoryMeter> meter) {
  std::shared_ptr<Buffer> buffer(new Buffer);
  if (device == Device::kCpu) {
    buffer->data_ = Take(bytes);
    if (buffer->data_ == nullptr) {
      return absl::ResourceExhaustedError(
          absl::StrCat("out of memory: could not allocate ", bytes, " bytes"));
    }
  }
  buffer->bytes_ = bytes;
  buffer->device_ = device;
  if (meter != nullptr) meter->Add(bytes);
  buffer->meter_ = std::move(meter);
  return buffer;
}

std::shared_ptr<Buffer> Buffer::Foreign(const void* data, size_t bytes,
                                        std::shared_ptr<const void> owner) {
  std::shared_ptr<Buffer> buffer(new Buffer);
  // Foreign memory is only ever read: Tensor::mutable_data copies it first.
  buffer->data_ = static_cast<std::byte*>(const_cast<void*>(data));
  buffer->bytes_ = bytes;
  buffer->owner_ = owner != nullptr ? std::move(owner) : std::make_shared<int>(0);
  return buffer;
}

Buffer::~Buffer() {
  if (meter_ != nullptr) meter_->Remove(bytes_);
  if (owner_ == nullptr && data_ != nullptr) Give(data_, bytes_);
}

}  // namespace weft
