#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/image_store.h"
#include "core/reference.h"
#include "core/registry_client.h"
#include "core/task.h"

namespace davit {

/// One step of a pull, as Docker's progress stream tells it.
struct progress_update {
    std::string id;     ///< The layer's short digest, or the tag; empty for the whole
    std::string status; ///< "Pulling fs layer", "Downloading", "Verifying Checksum", "Extracting", "Pull complete", …
    std::uint64_t current = 0;
    std::uint64_t total = 0;
    bool has_amounts = false;
};

/// Takes updates without waiting; a slow reader sees the newest of each layer.
using progress_sink = std::function<void(const progress_update&)>;

struct pull_request {
    image_reference image;
    std::string platform; ///< "os/arch[/variant]"; empty for the host's
    std::optional<registry_credentials> credentials;
};

struct removed_image {
    std::string untagged; ///< One of the two is set
    std::string deleted;
};

/// What users do with images.
class image_service {
  public:
    virtual ~image_service() = default;

    /// Pulls one image, or every tag of a repository that is named without one; then the id is the last tag's, and what
    /// came before a failure stays. Returns its id when every layer is verified, extracted and recorded; on any error,
    /// or when the caller is cancelled, nothing but verified blobs stays behind. Two pulls of one layer share one
    /// download. Errors: not_found (no such image), denied (the registry refused), invalid (wrong digest, damaged
    /// data), unavailable (network).
    virtual task<std::string> pull(pull_request request, progress_sink progress) = 0;

    /// Docker's rules (DELETE /images/{name}): a name with others beside it is only untagged; the last one deletes the
    /// image, unless a container uses it (conflict). With `force` stopped containers don't count; a running one's image
    /// loses its names and stays, and is refused by its id.
    virtual task<std::vector<removed_image>> remove(std::string name, bool force) = 0;
};

} // namespace davit
