#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace davit {

/// What the pumps are doing, in a file that is mapped into memory: noting it costs no system call, and what was noted
/// survives the engine's death (not the host's, nor do the pipes). One slot for each container that has written
/// something.
class pump_journal {
  public:
    /// A batch that is being logged, or was.
    struct batch {
        std::uint32_t from = 0; ///< output_stream
        std::uint64_t size = 0;
        std::uint64_t hash = 0;   ///< Of the batch's bytes
        std::string log_position; ///< Before the batch
    };

    explicit pump_journal(std::string path) : path_{std::move(path)} {}
    ~pump_journal();
    pump_journal(const pump_journal&) = delete;
    pump_journal& operator=(const pump_journal&) = delete;

    /// Opens or makes the file. Blocks shortly. Errors: internal, with the errno.
    void open();

    /// The batch that was begun for a container and not ended.
    std::optional<batch> unfinished(const std::string& container_id) const;
    void begin(const std::string& container_id, const batch& begun);
    void end(const std::string& container_id) noexcept;
    void forget(const std::string& container_id) noexcept;

    static std::uint64_t hash_of(std::string_view bytes) noexcept;

  private:
    struct slot;
    slot& slot_of(const std::string& container_id);
    void map(std::size_t slots);

    std::string path_;
    int file_ = -1;
    slot* slots_ = nullptr;
    std::size_t count_ = 0;
    std::size_t first_free_ = 0;
    std::map<std::string, std::size_t, std::less<>> used_;
};

} // namespace davit
