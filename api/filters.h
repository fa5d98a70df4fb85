#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/container_config.h"

namespace davit::api {

/// The `filters` parameter of lists and of events: values by filter name. Values of one name are alternatives, names
/// add up (labels do, too).
class filters {
  public:
    filters() = default;
    /// Reads {"name": ["value", …], …}, and the form of old clients {"name": {"value": true, …}, …}. Empty text: no
    /// filters. Errors: invalid.
    static filters parse(std::string_view json);

    /// Throws errc::invalid "invalid filter 'x'" for a name that is not among those.
    void allow(std::initializer_list<std::string_view> names) const;

    /// Asks for one more value under a name.
    void add(std::string name, std::string value) { values_[std::move(name)].push_back(std::move(value)); }

    bool is_empty() const noexcept { return values_.empty(); }
    bool has(std::string_view name) const { return !values(name).empty(); }
    const std::vector<std::string>& values(std::string_view name) const;

    /// Each of these is true when nothing was asked for under that name.
    bool matches_exactly(std::string_view name, std::string_view text) const;
    bool matches_beginning(std::string_view name, std::string_view text) const;
    /// Every value, "key" or "key=value", is met by the labels.
    bool matches_labels(std::string_view name, const string_map& labels) const;

    /// Errors: invalid for anything but one truth value.
    bool flag(std::string_view name, bool when_missing) const;

  private:
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

} // namespace davit::api
