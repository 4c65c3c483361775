#ifndef WEFT_RUNTIME_TENSOR_BUFFER_H_
#define WEFT_RUNTIME_TENSOR_BUFFER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"

namespace weft {

// kMeta buffers have a size but no memory: a network that runs on them yields its shapes, its
// errors and its peak memory, and computes nothing.
enum class Device : uint8_t { kCpu, kMeta };

// Counts the bytes that are alive and the most that ever were. Shared by an allocator and all the
// buffers it made; safe from several threads.
class MemoryMeter {
 public:
  void Add(size_t bytes);
  void Remove(size_t bytes);
  size_t live() const { return live_.load(std::memory_order_relaxed); }
  size_t peak() const { return peak_.load(std::memory_order_relaxed); }

 private:
  std::atomic<size_t> live_{0};
  std::atomic<size_t> peak_{0};
};

// A block of memory, aligned to 64 bytes. Owned memory is freed, foreign memory (a mapped file, a
// numpy array) is released by dropping `owner`.
class Buffer {
 public:
  static absl::StatusOr<std::shared_ptr<Buffer>> Allocate(Device device, size_t bytes,
                                                          std::shared_ptr<MemoryMeter> meter);
  // Memory that belongs to `owner`; it is never written to.
  static std::shared_ptr<Buffer> Foreign(const void* data, size_t bytes,
                                         std::shared_ptr<const void> owner);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  std::byte* data() const { return data_; }  // null on kMeta
  size_t bytes() const { return bytes_; }
  Device device() const { return device_; }
  bool foreign() const { return owner_ != nullptr; }

 private:
  Buffer() = default;

  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
  Device device_ = Device::kCpu;
  std::shared_ptr<MemoryMeter> meter_;
  std::shared_ptr<const void> owner_;
};

// Where tensors come from: a device, and the meter that counts them.
class Allocator {
 public:
  explicit Allocator(Device device) : device_(device), meter_(std::make_shared<MemoryMeter>()) {}
  Device device() const { return device_; }
  const std::shared_ptr<MemoryMeter>& meter() const { return meter_; }

 private:
  Device device_;
  std::shared_ptr<MemoryMeter> meter_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_TENSOR_BUFFER_H_
