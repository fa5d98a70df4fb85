#include "core/module.h"

#include <algorithm>
#include <cstdlib>
#include <cxxabi.h>
#include <exception>

#include "core/error.h"
#include "core/log.h"

namespace davit {

namespace {

/// "storage_driver" for davit::storage_driver.
std::string interface_name(std::type_index type) {
    int status = 0;
    char* demangled = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
    std::string name = status == 0 ? demangled : type.name();
    std::free(demangled);
    const auto last = name.rfind(':');
    return last == std::string::npos ? name : name.substr(last + 1);
}

bool contains(const std::vector<std::type_index>& types, std::type_index wanted) {
    return std::find(types.begin(), types.end(), wanted) != types.end();
}

} // namespace

std::string_view to_string(module_kind kind) noexcept {
    switch (kind) {
    case module_kind::service:
        return "service";
    case module_kind::storage_driver:
        return "storage driver";
    case module_kind::runtime:
        return "runtime";
    case module_kind::network_driver:
        return "network driver";
    case module_kind::log_driver:
        return "log driver";
    }
    return "service";
}

void* module_inputs::one(std::type_index type) const {
    return many(type).front().second;
}

const std::vector<module_inputs::provider>& module_inputs::many(std::type_index type) const {
    if (!contains(needs_, type))
        throw error(errc::internal, "module {} asks for {} without naming it in its needs", module_name_,
                    interface_name(type));
    return providers_->at(type);
}

void module_registry::declare_settings(settings& into) const {
    for (const entry& e : entries_)
        for (const setting_key& key : e.keys) into.declare(key);
}

std::vector<module_registry::entry*> module_registry::start_order(std::string_view storage_driver_name) const {
    std::vector<entry*> candidates;
    for (entry& e : entries_)
        if (e.kind != module_kind::storage_driver || storage_driver_name.empty() || e.name == storage_driver_name)
            candidates.push_back(&e);

    for (const entry* e : candidates)
        for (const std::type_index need : e->needs)
            if (std::none_of(candidates.begin(), candidates.end(),
                             [&](const entry* other) { return contains(other->provides, need); })) {
                if (interface_name(need) == "storage_driver")
                    throw error(errc::invalid,
                                "there is no storage driver \"{}\" ({} needs one); `davitd --modules` "
                                "lists those that there are",
                                storage_driver_name, e->name);
                throw error(errc::invalid, "module {} needs {}, which no module provides", e->name,
                            interface_name(need));
            }

    std::vector<entry*> order;
    while (order.size() < candidates.size()) {
        const auto is_placed = [&](const entry* e) { return std::find(order.begin(), order.end(), e) != order.end(); };
        const auto blocks = [&](const entry* provider, std::type_index need) {
            return contains(provider->provides, need) && !is_placed(provider);
        };
        entry* next = nullptr;
        for (entry* e : candidates) {
            if (is_placed(e)) continue;
            const bool is_blocked = std::any_of(e->needs.begin(), e->needs.end(), [&](std::type_index need) {
                return std::any_of(candidates.begin(), candidates.end(),
                                   [&](const entry* provider) { return blocks(provider, need); });
            });
            if (!is_blocked) {
                next = e;
                break;
            }
        }
        if (!next) {
            std::string circle;
            for (const entry* e : candidates) {
                if (is_placed(e)) continue;
                for (const std::type_index need : e->needs)
                    for (const entry* provider : candidates)
                        if (blocks(provider, need))
                            circle += fmt::format("{}{} needs {} of {}", circle.empty() ? "" : "; ", e->name,
                                                  interface_name(need), provider->name);
            }
            throw error(errc::invalid, "modules need each other in a circle: {}", circle);
        }
        order.push_back(next);
    }
    return order;
}

task<void> module_registry::start(const settings& config) {
    const auto order = start_order(config.text("storage-driver"));
    std::exception_ptr failure;
    for (entry* e : order) {
        try {
            module_inputs given;
            given.settings_ = &config;
            given.providers_ = &providers_;
            given.module_name_ = e->name;
            given.needs_ = e->needs;
            e->running = e->make(given);
            const auto addresses = e->as_interfaces(*e->running);
            for (std::size_t i = 0; i < addresses.size(); ++i)
                providers_[e->provides[i]].emplace_back(e->name, addresses[i]);
            started_.push_back(e);
            co_await e->running->start();
        } catch (error& cause) {
            cause.while_doing("starting module {}", e->name);
            failure = std::make_exception_ptr(cause);
        } catch (const std::exception& cause) { // a library's: filesystem_error, bad_alloc
            failure = std::make_exception_ptr(error(errc::internal, "starting module {}: {}", e->name, cause.what()));
        }
        if (failure) break;
    }
    if (!failure) co_return;
    co_await stop();
    std::rethrow_exception(failure);
}

task<void> module_registry::stop() {
    while (!started_.empty()) {
        entry* last = started_.back();
        started_.pop_back();
        try {
            co_await last->running->stop();
        } catch (const std::exception& e) {
            log::warn("stopping module {}: {}", last->name, e.what());
        }
        for (auto& [type, list] : providers_)
            std::erase_if(list, [&](const module_inputs::provider& p) { return p.first == last->name; });
        last->running.reset();
    }
}

void* module_registry::provider_of(std::type_index type) const {
    const auto at = providers_.find(type);
    if (at == providers_.end() || at->second.empty())
        throw error(errc::internal, "no started module provides {}", interface_name(type));
    return at->second.front().second;
}

std::string module_registry::describe() const {
    const auto join = [](const std::vector<std::type_index>& types) {
        std::string text;
        for (const std::type_index type : types) text += (text.empty() ? "" : ", ") + interface_name(type);
        return text.empty() ? std::string{"-"} : text;
    };
    std::string text = fmt::format("{:<14} {:<15} {:<36} {}\n", "MODULE", "KIND", "PROVIDES", "NEEDS");
    for (const entry* e : start_order(""))
        text +=
            fmt::format("{:<14} {:<15} {:<36} {}\n", e->name, to_string(e->kind), join(e->provides), join(e->needs));
    return text;
}

} // namespace davit
