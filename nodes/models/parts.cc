#include "nodes/models/parts.h"

#include <type_traits>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// The networks that somebody holds, by the fingerprint of the files they came from.
template <typename Network>
class Shared {
 public:
  template <typename Load>
  absl::StatusOr<std::shared_ptr<const Bound<Network>>> GetOrLoad(const std::string& fingerprint,
                                                                  const Load& load) {
    const absl::MutexLock lock(&mutex_);
    std::weak_ptr<const Bound<Network>>& entry = networks_[fingerprint];
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

template <typename Part, typename Network, typename Config, typename Open>
absl::StatusOr<std::shared_ptr<const Part>> LoadPart(const std::string& fingerprint,
                                                     const Open& open,
                                                     std::optional<DType> precision) {
  using Result = absl::StatusOr<std::shared_ptr<const Bound<Network>>>;
  const auto bind = [&open]() -> Result {
    WEFT_ASSIGN_OR_RETURN(const PartSource source, open());
    WEFT_ASSIGN_OR_RETURN(ConfigReader reader,
                          ConfigReader::Parse(source.config, source.config_name));
    WEFT_ASSIGN_OR_RETURN(Config config, Config::From(std::move(reader)));
    if constexpr (std::is_same_v<Config, ClipTextConfig>) config.own_ids = source.text_ids;
    return BindNetwork<Network>(config, source.store);
  };
  WEFT_ASSIGN_OR_RETURN(std::shared_ptr<const Bound<Network>> bound,
                        Shared<Network>::Instance().GetOrLoad(fingerprint, bind));
  return std::make_shared<const Part>(std::move(bound), precision);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ClipTextEncoder>> ClipTextEncoder::Load(
    const std::string& folder, std::optional<DType> precision) {
  return LoadPart<ClipTextEncoder, ClipText, ClipTextConfig>(
      Fingerprint(folder), [&folder] { return OpenPartFolder(folder, "text_encoder"); }, precision);
}

absl::StatusOr<std::shared_ptr<const ClipTextEncoder>> ClipTextEncoder::Load(
    const PartSource& source, std::optional<DType> precision) {
  return LoadPart<ClipTextEncoder, ClipText, ClipTextConfig>(
      source.fingerprint, [&source]() -> absl::StatusOr<PartSource> { return source; }, precision);
}

absl::StatusOr<std::shared_ptr<const Unet>> Unet::Load(const std::string& folder,
                                                       std::optional<DType> precision) {
  return LoadPart<Unet, UnetNetwork, UnetConfig>(
      Fingerprint(folder), [&folder] { return OpenPartFolder(folder, "unet"); }, precision);
}

absl::StatusOr<std::shared_ptr<const Unet>> Unet::Load(const PartSource& source,
                                                       std::optional<DType> precision) {
  return LoadPart<Unet, UnetNetwork, UnetConfig>(
      source.fingerprint, [&source]() -> absl::StatusOr<PartSource> { return source; }, precision);
}

absl::StatusOr<std::shared_ptr<const Vae>> Vae::Load(const std::string& folder,
                                                     std::optional<DType> precision) {
  return LoadPart<Vae, VaeNetwork, VaeConfig>(
      Fingerprint(folder), [&folder] { return OpenPartFolder(folder, "vae"); }, precision);
}

absl::StatusOr<std::shared_ptr<const Vae>> Vae::Load(const PartSource& source,
                                                     std::optional<DType> precision) {
  return LoadPart<Vae, VaeNetwork, VaeConfig>(
      source.fingerprint, [&source]() -> absl::StatusOr<PartSource> { return source; }, precision);
}

}  // namespace weft
