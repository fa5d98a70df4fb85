#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace davit {

struct container;

/// The containers by what users call them. A name may be held by a container that is still being made: it is taken
/// then, and finds nothing. Every look-up is O(log n).
class container_index {
  public:
    /// Takes a name for a container. Errors: conflict in Docker's words when another has it.
    void reserve_name(const std::string& name, const std::string& id);
    /// No effect when the name belongs to another container.
    void release_name(const std::string& name, const std::string& id);
    bool is_name_taken(std::string_view name) const { return names_.contains(name); }

    void add(std::shared_ptr<container> added);
    void erase(const std::string& id);

    /// By full id, then by name (with or without a slash), then by id prefix; null when there is none.
    /// Errors: invalid when the prefix begins several ids.
    std::shared_ptr<container> find(std::string_view name) const;
    /// As `find`. Errors: not_found in Docker's words.
    std::shared_ptr<container> get(std::string_view name) const;

    const std::map<std::string, std::shared_ptr<container>, std::less<>>& all() const noexcept { return by_id_; }

  private:
    std::map<std::string, std::shared_ptr<container>, std::less<>> by_id_;
    std::map<std::string, std::string, std::less<>> names_; // name to id
};

} // namespace davit
