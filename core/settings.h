#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace davit {

/// One configuration key: a command-line flag without its dashes, and the same key of daemon.json.
struct setting_key {
    std::string_view name;          ///< "data-root"
    std::string_view default_value; ///< "" where there is none
    std::string_view help;
    bool is_list = false; ///< May be given several times
    bool is_flag = false; ///< --name alone means true
};

/// The values given for the keys that some module declared; what was not given has its key's default.
class settings {
  public:
    /// Declares a key. Declaring one twice with different defaults is an error (internal).
    void declare(const setting_key& key);
    /// Sets a declared key's value (adds to it when it is a list). Errors: invalid for an unknown key, naming the
    /// nearest.
    void set(std::string_view name, std::string value);
    bool was_set(std::string_view name) const;

    /// Errors: internal when no module declared the key.
    const std::string& text(std::string_view name) const;
    const std::vector<std::string>& list(std::string_view name) const;
    /// Errors: invalid when the value is not what is asked, naming key and value.
    bool flag(std::string_view name) const;
    std::int64_t number(std::string_view name) const;

    std::vector<setting_key> keys() const;

  private:
    struct entry {
        setting_key key;
        std::vector<std::string> values;
        bool was_set = false;
    };
    const entry& find(std::string_view name) const;
    std::map<std::string, entry, std::less<>> entries_;
};

} // namespace davit
