#include "modules/registry/registry_storage.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_set>

#include "core/error.h"
#include "core/log.h"
#include "io/file.h"
#include "io/offload.h"
#include "modules/registry/registry_names.h"

namespace davit {

namespace {

constexpr mode_t directory_mode = 0700;
constexpr mode_t file_mode = 0600;

/// Every directory below `root` that holds a `_manifests`, as a name relative to it.
std::vector<std::string> find_repositories(const std::string& root) {
    std::vector<std::string> names;
    std::error_code failed;
    for (auto at = std::filesystem::recursive_directory_iterator(root, failed);
         at != std::filesystem::recursive_directory_iterator(); at.increment(failed)) {
        if (failed) break;
        if (at->path().filename() == "_manifests")
            names.push_back(std::filesystem::relative(at->path().parent_path(), root).string());
        if (at->path().filename().string().starts_with('_')) at.disable_recursion_pending();
    }
    std::sort(names.begin(), names.end());
    return names;
}

/// Deletes the blobs whose upload had ended when the registry did, and whose link was not there yet.
void delete_unlinked_blobs(const std::string& directory) {
    std::unordered_set<std::string> linked;
    for (auto at = std::filesystem::recursive_directory_iterator(directory + "/repositories");
         at != std::filesystem::recursive_directory_iterator(); ++at) {
        const std::string name = at->path().filename().string();
        if (!name.starts_with('_')) continue;
        at.disable_recursion_pending();
        if (name != "_blobs") continue;
        for (const auto& link : std::filesystem::directory_iterator(at->path()))
            linked.insert(link.path().filename().string());
    }
    for (const auto& blob : std::filesystem::directory_iterator(directory + "/blobs"))
        if (!linked.contains(blob.path().filename().string())) std::filesystem::remove(blob.path());
}

void sync_content(const std::string& path) {
    const io::descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (!file || ::fdatasync(file.get()) != 0) throw error::system(errno, "syncing {}", path);
}

std::vector<std::string> page(std::vector<std::string> sorted, const std::string& last, std::size_t limit) {
    sorted.erase(sorted.begin(), std::upper_bound(sorted.begin(), sorted.end(), last));
    if (sorted.size() > limit) sorted.resize(limit);
    return sorted;
}

} // namespace

task<void> registry_storage::prepare() {
    co_await io::remove_tree(directory_ + "/uploads");
    for (const char* part : {"/blobs", "/repositories", "/uploads"})
        co_await io::make_directories(directory_ + part, directory_mode);
    co_await io::offload([directory = directory_] {
        try {
            delete_unlinked_blobs(directory);
        } catch (const std::filesystem::filesystem_error& e) {
            // They take up room, and no more.
            log::warn("looking for blobs of the registry that nobody links: {}", e.what());
        }
    });
}

task<std::optional<stored_blob>> registry_storage::find_blob(std::string repository, digest of) {
    co_return co_await io::offload(
        [link = link_path(repository, of), path = blob_path(of)]() -> std::optional<stored_blob> {
            struct stat facts{};
            if (::stat(link.c_str(), &facts) != 0) return std::nullopt;
            io::descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
            if (!file || ::fstat(file.get(), &facts) != 0) throw error::system(errno, "opening the blob {}", path);
            return stored_blob{std::move(file), static_cast<std::uint64_t>(facts.st_size)};
        });
}

task<std::optional<digest>> registry_storage::first_missing(std::string repository, std::vector<digest> blobs) {
    std::vector<std::string> links;
    for (const digest& blob : blobs) links.push_back(link_path(repository, blob));
    co_return co_await io::offload([blobs = std::move(blobs), links = std::move(links)]() -> std::optional<digest> {
        struct stat facts{};
        for (std::size_t i = 0; i < blobs.size(); ++i)
            if (::stat(links[i].c_str(), &facts) != 0) return blobs[i];
        return std::nullopt;
    });
}

task<void> registry_storage::place(std::string path, std::string content) {
    const std::string arriving = upload_path(make_upload_id());
    const bool has_content = !content.empty();
    co_await io::write_file_atomically(arriving, std::move(content), file_mode);
    if (has_content) co_await io::offload([&arriving] { sync_content(arriving); });
    co_await io::rename_path(arriving, std::move(path));
}

task<void> registry_storage::link_blob(std::string repository, digest of) {
    co_await io::make_directories(repository_path(repository) + "/_blobs", directory_mode);
    co_await place(link_path(repository, of), "");
}

task<bool> registry_storage::mount_blob(std::string repository, std::string from, digest of) {
    std::vector<digest> wanted;
    wanted.push_back(of);
    const auto missing = co_await first_missing(std::move(from), std::move(wanted));
    if (missing) co_return false;
    co_await link_blob(std::move(repository), of);
    co_return true;
}

task<void> registry_storage::commit_upload(std::string repository, std::string id, digest of) {
    co_await io::rename_path(upload_path(id), blob_path(of));
    co_await link_blob(std::move(repository), of);
}

task<std::optional<stored_manifest>> registry_storage::find_manifest(std::string repository, digest of) {
    auto media_type =
        co_await io::find_file(repository_path(repository) + "/_manifests/" + of.hex(), longest_media_type);
    if (!media_type) co_return std::nullopt;
    std::string bytes = co_await io::read_file(blob_path(of), manifest_limit);
    co_return stored_manifest{of, std::move(*media_type), std::move(bytes)};
}

task<std::optional<stored_manifest>> registry_storage::find_manifest(std::string repository, std::string tag) {
    const auto of = co_await io::find_file(repository_path(repository) + "/_tags/" + tag, 1024);
    if (!of) co_return std::nullopt;
    co_return co_await find_manifest(std::move(repository), digest::parse(*of));
}

task<void> registry_storage::put_manifest(std::string repository, stored_manifest manifest,
                                          std::optional<std::string> tag) {
    const std::string directory = repository_path(repository);
    for (const char* part : {"/_manifests", "/_tags"}) co_await io::make_directories(directory + part, directory_mode);
    co_await place(blob_path(manifest.of), std::move(manifest.bytes));
    co_await link_blob(repository, manifest.of);
    co_await place(directory + "/_manifests/" + manifest.of.hex(), manifest.media_type);
    if (tag) co_await place(directory + "/_tags/" + *tag, manifest.of.text());
}

task<std::optional<std::vector<std::string>>> registry_storage::tags(std::string repository, std::string last,
                                                                     std::size_t limit) {
    const std::string directory = repository_path(repository) + "/_tags";
    const bool is_known = co_await io::path_exists(directory);
    if (!is_known) co_return std::nullopt;
    std::vector<std::string> names;
    for (auto& entry : co_await io::list_directory(directory)) names.push_back(std::move(entry.name));
    std::sort(names.begin(), names.end());
    co_return page(std::move(names), last, limit);
}

task<std::vector<std::string>> registry_storage::repositories(std::string last, std::size_t limit) {
    co_return co_await io::offload(
        [root = directory_ + "/repositories", last, limit] { return page(find_repositories(root), last, limit); });
}

} // namespace davit
