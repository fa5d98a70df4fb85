#include "modules/logs/json_file/json_file_reader.h"

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "io/offload.h"
#include "modules/logs/json_file/json_file_log.h"

namespace davit {

namespace {

constexpr std::size_t read_size = 512u << 10;
constexpr std::uint64_t to_the_end = UINT64_MAX;

std::uint64_t size_of(const io::descriptor& file) {
    struct stat facts{};
    return ::fstat(file.get(), &facts) == 0 ? static_cast<std::uint64_t>(facts.st_size) : 0;
}

} // namespace

json_file_reader::json_file_reader(log_files files, std::shared_ptr<log_progress> progress, log_query query)
    : files_{std::move(files)}, progress_{std::move(progress)}, query_{std::move(query)}, decoder_{query_} {}

task<std::unique_ptr<log_reader>> json_file_reader::open(log_files files, std::shared_ptr<log_progress> progress,
                                                         log_query query) {
    std::unique_ptr<json_file_reader> made{
        new json_file_reader{std::move(files), std::move(progress), std::move(query)}};
    co_await made->find_begin();
    co_return made;
}

task<void> json_file_reader::find_begin() {
    std::uint64_t oldest = 0;
    std::uint64_t age = 0;
    {
        const auto turn = co_await progress_->files.acquire();
        last_generation_ = progress_->generation;
        last_size_ = progress_->size;
        co_await io::offload([&] {
            oldest = std::max<std::uint64_t>(1, files_.count()) - 1;
            age = query_.tail ? 0 : oldest;
            file_ = files_.open_for_reading(age);
        });
    }
    for (std::uint64_t lines = query_.tail.value_or(0); query_.tail && file_; ++age) {
        co_await io::offload([&] {
            const std::uint64_t end = age == 0 ? last_size_ : size_of(file_);
            offset_ = lines == 0 ? end : find_tail(file_.get(), end, lines);
        });
        if (lines == 0 || age == oldest || !co_await open_age(age + 1)) break;
    }
    // A log that was rotated before this engine's life has more files than generations are counted.
    generation_ = last_generation_ - std::min(last_generation_, age);
    first_age_ = age - std::min(last_generation_, age);
}

task<bool> json_file_reader::open_age(std::uint64_t age) {
    const auto turn = co_await progress_->files.acquire();
    const std::uint64_t rotations = progress_->generation - last_generation_;
    io::descriptor older = co_await io::offload([&] { return files_.open_for_reading(age + rotations); });
    if (!older) co_return false;
    file_ = std::move(older);
    co_return true;
}

bool json_file_reader::read_block(std::uint64_t limit) {
    const std::size_t kept = block_.size();
    const std::uint64_t wanted = std::min<std::uint64_t>(read_size, limit - std::min(limit, offset_));
    if (!file_ || wanted == 0) return false;
    block_.resize(kept + wanted);
    const ssize_t got = ::pread(file_.get(), block_.data() + kept, wanted, static_cast<off_t>(offset_));
    if (got < 0) throw error::system(errno, "reading the log {}", files_.path());
    block_.resize(kept + static_cast<std::size_t>(got));
    if (got == 0) return false;
    offset_ += static_cast<std::uint64_t>(got);
    const std::size_t end = block_.rfind('\n') + 1; // 0 when there is none
    if (!decoder_.decode(std::string_view{block_}.substr(0, end), batch_)) is_at_end_ = true;
    block_.erase(0, end);
    return true;
}

void json_file_reader::open_generation(std::uint64_t newest_generation) {
    offset_ = 0;
    block_.clear();
    if (first_age_ > 0) {
        --first_age_;
        file_ = files_.open_for_reading(newest_generation + first_age_);
        return;
    }
    ++generation_;
    file_ = files_.open_for_reading(newest_generation - generation_);
}

task<const log_batch*> json_file_reader::next() {
    batch_.bytes.clear();
    batch_.messages.clear();
    bool was_short = false; // the last read found less than was told
    while (!is_at_end_) {
        const bool is_newest = first_age_ == 0 && generation_ >= progress_->generation;
        const bool is_last = first_age_ == 0 && generation_ >= last_generation_;
        const std::uint64_t limit = is_newest && query_.follow  ? progress_->size
                                    : is_last && !query_.follow ? last_size_
                                                                : to_the_end;
        const bool has_read = co_await io::offload([&] { return read_block(limit); });
        if (!batch_.messages.empty()) co_return &batch_;
        if (has_read) {
            was_short = false;
            continue;
        }
        if (!query_.follow && is_last) break;
        if (!is_newest) {
            const auto turn = co_await progress_->files.acquire();
            const std::uint64_t newest = progress_->generation;
            co_await io::offload([&] { open_generation(newest); });
            continue;
        }
        if (progress_->generation > generation_) continue;
        // What is told and is not there: somebody emptied the log. It is read from its new beginning then.
        if (progress_->size > offset_ && !was_short) {
            was_short = true;
            continue;
        }
        if (progress_->size < offset_) {
            offset_ = 0;
            block_.clear();
            if (progress_->size > 0) continue;
        }
        if (progress_->is_finished) break;
        // It may wait for days.
        batch_ = {};
        block_.shrink_to_fit();
        co_await progress_->changed.wait();
    }
    co_return nullptr;
}

} // namespace davit
