#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/digest.h"
#include "core/reference.h"
#include "core/task.h"

namespace davit {

/// What the user gave for one registry (the X-Registry-Auth header of the Docker API).
struct registry_credentials {
    std::string username;
    std::string password;
    std::string identity_token;
    std::string registry_token;
    std::string server_address;
};

/// A manifest or an index, byte for byte as its digest says.
struct fetched_manifest {
    digest of;
    std::string media_type;
    std::string bytes;
};

/// A blob as it arrives. A dropped connection is resumed with a range request, a few times.
class blob_download {
  public:
    virtual ~blob_download() = default;
    virtual std::optional<std::uint64_t> size() const = 0;
    /// 0 at the end. Errors: unavailable when the registry can't be reached any more.
    virtual task<std::size_t> read(std::span<std::byte> into) = 0;
};

/// Talks to one registry for one repository (OCI distribution-spec).
/// Credentials go only to the host they are for, and to the token service that it names, over a verified connection.
class registry_session {
  public:
    virtual ~registry_session() = default;

    /// Errors: not_found ("manifest for NAME not found: manifest unknown"), denied (no pull access), invalid (wrong
    /// digest, type or size), unavailable.
    virtual task<fetched_manifest> manifest(image_reference of) = 0;
    virtual task<fetched_manifest> manifest(digest of) = 0;
    /// The tags of the repository, as the registry orders them; every page of the list. Errors: as manifest; invalid
    /// for a list that holds something else than tags; too_large for one that does not end.
    virtual task<std::vector<std::string>> tags() = 0;
    virtual task<std::unique_ptr<blob_download>> blob(digest of) = 0;
};

class registry_client {
  public:
    virtual ~registry_client() = default;

    virtual task<std::unique_ptr<registry_session>> open(image_reference repository,
                                                         std::optional<registry_credentials> credentials) = 0;
};

} // namespace davit
