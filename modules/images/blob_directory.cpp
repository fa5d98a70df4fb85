#include "modules/images/blob_directory.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "io/beneath.h"
#include "io/directory.h"
#include "io/offload.h"
#include "io/sha256.h"

namespace davit {
namespace {

/// A digest's text is safe as a file name, because it was parsed.
std::string file_name(const digest& of) {
    if (of.algorithm() != digest::hash_algorithm::sha256)
        throw error(errc::unsupported, "blobs are kept by their sha256 digest, not by {:?}", of.text());
    return of.hex();
}

io::descriptor open_blob(int directory, const digest& of) {
    io::descriptor file = io::open_beneath(directory, file_name(of), O_RDONLY | O_NOFOLLOW, io::links::refused);
    if (!file && errno == ENOENT) throw error(errc::not_found, "the blob {} is not in the store", of.text());
    if (!file) throw error::system(errno, "opening the blob {}", of.text());
    return file;
}

std::uint64_t size_of(int file, const digest& of) {
    struct stat facts{};
    if (::fstat(file, &facts) != 0) throw error::system(errno, "looking at the blob {}", of.text());
    return static_cast<std::uint64_t>(facts.st_size);
}

void write_all(int file, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const auto written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw error::system(errno, "writing a blob");
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

class file_writer final : public blob_writer {
  public:
    file_writer(int directory, io::descriptor file) : directory_{directory}, file_{std::move(file)} {}

    task<void> write(std::span<const std::byte> bytes) override {
        co_await io::offload([&] {
            write_all(file_.get(), bytes);
            hash_.update(bytes);
        });
        size_ += bytes.size();
    }

    std::uint64_t size() const override { return size_; }

    task<void> commit(digest expected) override {
        const std::string name = file_name(expected);
        const std::string found = hash_.finish_hex();
        if (found != name)
            throw error(errc::invalid, "the bytes of blob {} have the digest sha256:{}", expected.text(), found);
        co_await io::offload([&] {
            const std::string self = fmt::format("/proc/self/fd/{}", file_.get());
            if (::linkat(AT_FDCWD, self.c_str(), directory_, name.c_str(), AT_SYMLINK_FOLLOW) != 0 && errno != EEXIST)
                throw error::system(errno, "keeping the blob {}", name);
        });
    }

  private:
    int directory_;
    io::descriptor file_;
    io::sha256 hash_;
    std::uint64_t size_ = 0;
};

class file_reader final : public blob_reader {
  public:
    file_reader(io::descriptor file, std::uint64_t size) : file_{std::move(file)}, size_{size} {}

    std::uint64_t size() const override { return size_; }

    task<std::size_t> read(std::span<std::byte> into) override {
        const std::size_t got = co_await io::offload([&] {
            for (;;) {
                const auto count = ::pread(file_.get(), into.data(), into.size(), static_cast<off_t>(offset_));
                if (count >= 0) return static_cast<std::size_t>(count);
                if (errno != EINTR) throw error::system(errno, "reading a blob");
            }
        });
        offset_ += got;
        co_return got;
    }

    task<void> seek(std::uint64_t offset) override {
        offset_ = offset;
        co_return;
    }

  private:
    io::descriptor file_;
    std::uint64_t size_;
    std::uint64_t offset_ = 0;
};

} // namespace

task<void> blob_directory::start() {
    directory_ = co_await io::offload([root = data_root_] {
        const io::descriptor above = io::open_private_directory(AT_FDCWD, root, 0710);
        const io::descriptor blobs = io::open_private_directory(above.get(), "blobs");
        return io::open_private_directory(blobs.get(), "sha256");
    });
}

task<bool> blob_directory::has(digest of) {
    co_return co_await io::offload([directory = directory_.get(), name = file_name(of)] {
        return ::faccessat(directory, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    });
}

task<std::unique_ptr<blob_writer>> blob_directory::begin() {
    io::descriptor file = co_await io::offload([directory = directory_.get()] {
        io::descriptor unnamed{::openat(directory, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600)};
        if (!unnamed) throw error::system(errno, "making a file for a blob");
        return unnamed;
    });
    co_return std::make_unique<file_writer>(directory_.get(), std::move(file));
}

task<std::unique_ptr<blob_reader>> blob_directory::open(digest of) {
    auto opened = co_await io::offload([directory = directory_.get(), of] {
        io::descriptor file = open_blob(directory, of);
        const std::uint64_t size = size_of(file.get(), of);
        return std::pair{std::move(file), size};
    });
    co_return std::make_unique<file_reader>(std::move(opened.first), opened.second);
}

task<std::string> blob_directory::read(digest of, std::uint64_t limit) {
    co_return co_await io::offload([directory = directory_.get(), of, limit] {
        const io::descriptor file = open_blob(directory, of);
        const std::uint64_t size = size_of(file.get(), of);
        if (size > limit)
            throw error(errc::too_large, "the blob {} has {} bytes, more than the {} expected", of.text(), size, limit);
        std::string bytes(size, '\0');
        for (std::size_t filled = 0; filled < bytes.size();) {
            const auto count = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) throw error::system(count < 0 ? errno : EIO, "reading the blob {}", of.text());
            filled += static_cast<std::size_t>(count);
        }
        return bytes;
    });
}

task<void> blob_directory::remove(digest of) {
    co_await io::offload([directory = directory_.get(), name = file_name(of)] {
        if (::unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT)
            throw error::system(errno, "removing the blob {}", name);
    });
}

task<std::vector<digest>> blob_directory::list() {
    co_return co_await io::offload([directory = directory_.get()] {
        std::vector<digest> all;
        for (const std::string& name : io::names_in(directory))
            if (const std::string text = "sha256:" + name; digest::is_valid(text)) all.push_back(digest::parse(text));
        return all;
    });
}

task<void> store_blob(blob_store& into, digest of, std::string bytes) {
    const auto writer = co_await into.begin();
    co_await writer->write(std::as_bytes(std::span{bytes}));
    co_await writer->commit(of);
}

} // namespace davit
