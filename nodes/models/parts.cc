#include "nodes/models/parts.h"

#include <filesystem>
#include <system_error>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

// Changes when a file of the folder is replaced, so that a retrained model is read again.
std::string Fingerprint(const std::string& folder) {
  std::error_code error;
  const fs::path canonical = fs::weakly_canonical(folder, error);
  std::string print = error ? folder : canonical.string();
  fs::file_time_type newest = fs::file_time_type::min();
  uint64_t bytes = 0;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    newest = std::max(newest, it->last_write_time(ignored));
    const auto size = it->file_size(ignored);
    if (!ignored) bytes += size;
  }
  absl::StrAppend(&print, "|", newest.time_since_epoch().count(), "|", bytes);
  return print;
}

// The networks that somebody holds, by the folder they came from.
template <typename Network>
class Shared {
 public:
  template <typename Load>
  absl::StatusOr<std::shared_ptr<const Bound<Network>>> GetOrLoad(const std::string& folder,
                                                                  const Load& load) {
    const absl::MutexLock lock(&mutex_);
    std::weak_ptr<const Bound<Network>>& entry = networks_[Fingerprint(folder)];
    if (std::shared_ptr<const Bound<Network>> bound = entry.lock()) return bound;
    auto loaded = load();
    if (loaded.ok()) entry = *loaded;
    return loaded;
  }

  static Shared& Instance() {
    static Shared& instance = *new Shared;
    return instance;
  }

 private:
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::weak_ptr<const Bound<Network>>> networks_
      ABSL_GUARDED_BY(mutex_);
};

template <typename Part, typename Network, typename Config>
absl::StatusOr<std::shared_ptr<const Part>> LoadPart(const std::string& folder,
                                                     absl::string_view stem,
                                                     std::optional<DType> precision) {
  using Result = absl::StatusOr<std::shared_ptr<const Bound<Network>>>;
  WEFT_ASSIGN_OR_RETURN(std::shared_ptr<const Bound<Network>> bound,
                        Shared<Network>::Instance().GetOrLoad(folder, [&]() -> Result {
                          const std::string path = (fs::path(folder) / "config.json").string();
                          WEFT_ASSIGN_OR_RETURN(ConfigReader reader, ConfigReader::Open(path));
                          WEFT_ASSIGN_OR_RETURN(const Config config,
                                                Config::From(std::move(reader)));
                          WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightStore> store,
                                                WeightStore::OpenFolder(folder, stem));
                          return BindNetwork<Network>(config, store);
                        }));
  return std::make_shared<const Part>(std::move(bound), precision);
}

constexpr absl::string_view kTransformersStem = "model";
constexpr absl::string_view kDiffusersStem = "diffusion_pytorch_model";

}  // namespace

absl::StatusOr<std::shared_ptr<const ClipTextEncoder>> ClipTextEncoder::Load(
    const std::string& folder, std::optional<DType> precision) {
  return LoadPart<ClipTextEncoder, ClipText, ClipTextConfig>(folder, kTransformersStem, precision);
}

absl::StatusOr<std::shared_ptr<const Unet>> Unet::Load(const std::string& folder,
                                                       std::optional<DType> precision) {
  return LoadPart<Unet, UnetNetwork, UnetConfig>(folder, kDiffusersStem, precision);
}

absl::StatusOr<std::shared_ptr<const Vae>> Vae::Load(const std::string& folder,
                                                     std::optional<DType> precision) {
  return LoadPart<Vae, VaeNetwork, VaeConfig>(folder, kDiffusersStem, precision);
}

}  // namespace weft
