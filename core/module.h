#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeindex>
#include <vector>

#include "core/settings.h"
#include "core/task.h"

namespace davit {

enum class module_kind : unsigned char {
    service,
    storage_driver, ///< Exactly one is started: the one that the setting `storage-driver` names
    runtime,
    network_driver,
    log_driver,
};

std::string_view to_string(module_kind kind) noexcept;

struct module_health {
    bool is_well = true;
    std::string detail; ///< One sentence when it is not
};

/// A capability of the engine. Constructed with the interfaces it needs, then started; stopped in reverse order.
class module {
  public:
    virtual ~module() = default;

    /// Ready to serve when it returns. The default has nothing to do.
    virtual task<void> start() { co_return; }
    /// Ends everything that `start` began; containers go on running.
    virtual task<void> stop() { co_return; }
    virtual task<module_health> health() { co_return module_health{}; }
};

/// A list of core interfaces, in a module's `provides` and `needs`.
template <class... Interfaces> struct interfaces {
    static std::vector<std::type_index> types() { return {typeid(Interfaces)...}; }
};

/// All started modules that provide one interface, by module name ("bridge", "none", "host").
template <class Interface> class driver_set {
  public:
    void add(std::string name, Interface& driver) { drivers_.emplace(std::move(name), &driver); }
    /// Null when there is no driver of that name.
    Interface* find(std::string_view name) const noexcept {
        const auto at = drivers_.find(name);
        return at == drivers_.end() ? nullptr : at->second;
    }
    const std::map<std::string, Interface*, std::less<>>& all() const noexcept { return drivers_; }

  private:
    std::map<std::string, Interface*, std::less<>> drivers_;
};

/// What a module's constructor is given: its settings and the interfaces it said it needs. The interfaces outlive it.
class module_inputs {
  public:
    const settings& config() const noexcept { return *settings_; }

    /// The one provider of an interface. Errors: internal when it was not among the module's `needs`.
    template <class Interface> Interface& get() const { return *static_cast<Interface*>(one(typeid(Interface))); }

    /// All providers of an interface.
    template <class Interface> driver_set<Interface> all() const {
        driver_set<Interface> set;
        for (const auto& [name, provider] : many(typeid(Interface))) set.add(name, *static_cast<Interface*>(provider));
        return set;
    }

  private:
    friend class module_registry;
    using provider = std::pair<std::string, void*>;
    void* one(std::type_index type) const;
    const std::vector<provider>& many(std::type_index type) const;

    const settings* settings_ = nullptr;
    const std::map<std::type_index, std::vector<provider>>* providers_ = nullptr;
    std::string module_name_;
    std::vector<std::type_index> needs_;
};

/// The engine's modules. A module class says
///
///     using provides = interfaces<storage_driver>;
///     using needs = interfaces<state_store>;
///     static constexpr std::array keys = {setting_key{"data-root", "/var/lib/davit", "…"}};   // or no `keys`
///     explicit overlay_storage(const module_inputs& given);
///
/// and one readable list of `add` calls (modules/all_modules.cpp) says which modules there are. Modules start in the
/// order of their needs (those without an order between them, in the order of the list) and stop in reverse.
class module_registry {
  public:
    template <class Module> void add(std::string_view name, module_kind kind) {
        entry added{std::string{name}, kind, Module::provides::types(), Module::needs::types(), {}, {}, {}, {}};
        if constexpr (requires { Module::keys; }) added.keys.assign(Module::keys.begin(), Module::keys.end());
        added.make = [](const module_inputs& given) -> std::unique_ptr<module> {
            return std::make_unique<Module>(given);
        };
        added.as_interfaces = [](module& made) {
            return addresses<Module>(static_cast<Module&>(made), typename Module::provides{});
        };
        entries_.push_back(std::move(added));
    }

    /// Declares every module's keys, so that a command line and a file can be read into the settings.
    void declare_settings(settings& into) const;

    /// Makes and starts the modules. A missing or circular need is an error (invalid) that names both ends; nothing is
    /// started then. A module that fails to start is named, and those before it are stopped again.
    task<void> start(const settings& config);
    task<void> stop();

    /// The provider of an interface, for api's main: valid between start and stop. Errors: internal when none.
    template <class Interface> Interface& get() const {
        return *static_cast<Interface*>(provider_of(typeid(Interface)));
    }

    /// All started providers of an interface, by module name.
    template <class Interface> driver_set<Interface> all() const {
        driver_set<Interface> set;
        const auto at = providers_.find(typeid(Interface));
        if (at == providers_.end()) return set;
        for (const auto& [name, provider] : at->second) set.add(name, *static_cast<Interface*>(provider));
        return set;
    }

    /// What `davitd --modules` prints: a line a module with its kind, what it provides and needs, in start order.
    std::string describe() const;

  private:
    struct entry {
        std::string name;
        module_kind kind;
        std::vector<std::type_index> provides;
        std::vector<std::type_index> needs;
        std::vector<setting_key> keys;
        std::function<std::unique_ptr<module>(const module_inputs&)> make;
        std::function<std::vector<void*>(module&)> as_interfaces;
        std::unique_ptr<module> running;
    };

    template <class Module, class... Interfaces>
    static std::vector<void*> addresses(Module& made, interfaces<Interfaces...>) {
        return {static_cast<void*>(static_cast<Interfaces*>(&made))...};
    }

    std::vector<entry*> start_order(std::string_view storage_driver_name) const;
    void* provider_of(std::type_index type) const;

    mutable std::vector<entry> entries_;
    std::map<std::type_index, std::vector<module_inputs::provider>> providers_;
    std::vector<entry*> started_;
};

} // namespace davit
