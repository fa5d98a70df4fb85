#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/image_store.h"
#include "core/module.h"
#include "io/descriptor.h"

namespace davit {

/// Blobs as files below <data-root>/blobs/sha256, named by their hash. A blob that is being written has no name: a
/// crash, an error or a cancelled pull leaves nothing of it behind. One that has a name is whole; when it survives a
/// crash of the host is up to whoever uses it (a sync of a file makes ext4 wait for all that is being unpacked).
class blob_directory final : public module, public blob_store {
  public:
    using provides = interfaces<blob_store>;
    using needs = interfaces<>;
    static constexpr std::array keys = {
        setting_key{"data-root", "/var/lib/davit", "Root directory of persistent state"},
    };

    explicit blob_directory(const module_inputs& given) : blob_directory{given.config().text("data-root")} {}
    explicit blob_directory(std::string data_root) : data_root_{std::move(data_root)} {}

    task<void> start() override;

    task<bool> has(digest of) override;
    task<std::unique_ptr<blob_writer>> begin() override;
    task<std::unique_ptr<blob_reader>> open(digest of) override;
    task<std::string> read(digest of, std::uint64_t limit) override;
    task<void> remove(digest of) override;
    task<std::vector<digest>> list() override;

  private:
    std::string data_root_;
    io::descriptor directory_;
};

/// Keeps a blob whose bytes are all here. Errors: those of blob_writer.
task<void> store_blob(blob_store& into, digest of, std::string bytes);

} // namespace davit
