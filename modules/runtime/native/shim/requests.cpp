#include "modules/runtime/native/shim/engine_connection.h"

// What an engine asks for, and what it is answered. What happens to sandboxes and containers meanwhile is in
// server.cpp.
namespace davit::shim {

using shim_protocol::decode;

namespace {

/// How often a sandbox's process is asked for whose zygote ends meanwhile.
constexpr int most_clones_asked_for = 3;

} // namespace

container* server::find(const std::string& id) {
    const auto at = by_id_.find(id);
    return at == by_id_.end() ? nullptr : at->second;
}

container* server::find_sandbox(std::uint64_t sandbox, const connection& from) {
    const auto at = by_sandbox_.find(sandbox);
    return at == by_sandbox_.end() || at->second->connection() != from.number() ? nullptr : at->second;
}

shim_protocol::process_list server::processes() const {
    shim_protocol::process_list list;
    for (const auto& [id, one] : by_id_) {
        const bool has_ended = one->life() == container::stage_of_life::ended;
        if (!has_ended && one->life() != container::stage_of_life::running) continue;
        auto end = one->end();
        end.id.clear();
        list.processes.push_back(
            {id, one->pid(), one->started_at(), one->started_after(), one->cgroups().path, has_ended, std::move(end)});
    }
    return list;
}

void server::on_request(connection& from, const incoming_frame& frame) {
    const auto malformed = make_failure(failure_kind::invalid, 0, "the request is malformed");
    const auto missing = [](const std::string& id) {
        return make_failure(failure_kind::not_found, 0, "no process of container %s is held", id.c_str());
    };
    if (frame.type == message_type::hello) {
        const auto greeting = decode<shim_protocol::hello>(frame.payload);
        from.is_greeted = greeting && greeting->version == shim_protocol::version;
        return;
    }
    if (frame.type == message_type::quit_if_idle) {
        const bool is_idle = by_id_.empty();
        from.reply(frame.request, is_idle
                                      ? std::nullopt
                                      : std::optional{make_failure(failure_kind::conflict, 0, "containers are held")});
        if (is_idle) {
            if (const auto parent = decode<shim_protocol::cgroup_removal>(frame.payload); parent && cgroups_ != nullptr)
                swept_parent_ = parent->path;
            quit();
        }
        return;
    }
    if (!from.is_greeted)
        return from.reply(frame.request,
                          make_failure(failure_kind::conflict, 0, "this shim speaks version %u of the protocol",
                                       shim_protocol::version));
    switch (frame.type) {
    case message_type::make_sandbox:
        return make_sandbox(from, frame);
    case message_type::configure_network: {
        const auto request = decode<shim_protocol::network_request>(frame.payload);
        if (!request) return from.reply(frame.request, malformed);
        auto* one = find_sandbox(request->sandbox, from);
        if (one == nullptr)
            return from.reply(frame.request, make_failure(failure_kind::not_found, 0, "no such sandbox"));
        return one->configure_network(frame.request, frame.payload);
    }
    case message_type::discard_sandbox: {
        const auto request = decode<shim_protocol::sandbox_number>(frame.payload);
        if (!request) return from.reply(frame.request, malformed);
        if (auto* one = find_sandbox(request->id, from)) discard(*one);
        return from.reply(frame.request, std::nullopt);
    }
    case message_type::prepare_launch: {
        auto request = decode<shim_protocol::launch_request>(frame.payload);
        auto* one = request ? find_sandbox(request->sandbox, from) : nullptr;
        if (one != nullptr) one->prepare(std::move(request->plan), frame.payload);
        return;
    }
    case message_type::launch: {
        const auto request = decode<shim_protocol::sandbox_number>(frame.payload);
        if (!request) return from.reply(frame.request, malformed);
        auto* one = find_sandbox(request->id, from);
        if (one == nullptr)
            return from.reply(frame.request, make_failure(failure_kind::not_found, 0, "no such sandbox"));
        const auto id = one->id();
        if (by_id_.contains(id)) {
            discard(*one);
            return from.reply(frame.request,
                              make_failure(failure_kind::conflict, 0, "container %s is held already", id.c_str()));
        }
        by_sandbox_.erase(one->sandbox());
        const auto spent = spent_.extract(one->sandbox());
        if (!id.empty()) by_id_.emplace(id, one);
        return one->launch(frame.request);
    }
    case message_type::remove_cgroups: {
        const auto request = decode<shim_protocol::cgroup_removal>(frame.payload);
        if (!request) return from.reply(frame.request, malformed);
        clear_cgroups(request->path);
        return from.reply(frame.request, std::nullopt);
    }
    case message_type::list:
        return from.send(message_type::listed, frame.request, processes());
    case message_type::signal: {
        const auto request = decode<shim_protocol::signal_request>(frame.payload);
        if (!request) return from.reply(frame.request, malformed);
        const auto* one = find(request->id);
        return from.reply(frame.request,
                          one == nullptr ? missing(request->id) : one->signal(request->number, request->all));
    }
    case message_type::resize: {
        const auto request = decode<shim_protocol::resize_request>(frame.payload);
        if (!request) return from.reply(frame.request, malformed);
        const auto* one = find(request->id);
        return from.reply(frame.request,
                          one == nullptr ? missing(request->id) : one->resize(request->rows, request->columns));
    }
    default:
        break;
    }
    // The rest name a container and nothing else.
    const auto request = decode<shim_protocol::container_name>(frame.payload);
    if (!request) return from.reply(frame.request, malformed);
    auto* one = find(request->id);
    if (one == nullptr) return from.reply(frame.request, missing(request->id));
    switch (frame.type) {
    case message_type::close_stdin:
        one->close_stdin();
        return from.reply(frame.request, std::nullopt);
    case message_type::reopen_streams: {
        shim_protocol::streams answer;
        const auto descriptors = one->streams(answer.streams);
        return from.send(message_type::streams, frame.request, answer, descriptors);
    }
    case message_type::release:
        if (one->life() != container::stage_of_life::ended)
            return from.reply(frame.request,
                              make_failure(failure_kind::conflict, 0, "container %s is running", request->id.c_str()));
        forget(*one);
        return from.reply(frame.request, std::nullopt);
    default:
        return from.reply(frame.request, malformed);
    }
}

void server::make_sandbox(connection& from, const incoming_frame& frame) {
    const auto shape = decode<shim_protocol::sandbox_template>(frame.payload);
    if (!shape) return from.reply(frame.request, make_failure(failure_kind::invalid, 0, "the request is malformed"));
    if (cgroups_ != nullptr && !shape->cgroup_parent.empty() && shape->cgroup_parent != swept_parent_) {
        swept_parent_ = shape->cgroup_parent;
        cgroups_->sweep(swept_parent_);
    }
    auto made = std::make_unique<container>(around_, *this, next_sandbox_++, from.number());
    ask_for_clone({std::move(made), *shape, frame.request, most_clones_asked_for});
}

void server::ask_for_clone(expected_clone asked) {
    --asked.tries_left;
    if (auto failed = asked.one->ask_for_clone(zygote_, asked.shape))
        return reply(asked.one->connection(), asked.request, failed);
    expected_.push_back(std::move(asked));
}

void server::on_zygote_end() {
    // Of those that were cloned nevertheless nobody knows: their channels are closed, and with that they end.
    for (auto& lost : std::exchange(expected_, {})) {
        if (lost.tries_left > 0)
            ask_for_clone(std::move(lost));
        else
            reply(lost.one->connection(), lost.request,
                  make_failure(failure_kind::internal, 0, "the process that clones sandboxes was killed"));
    }
    on_children();
}

void server::on_cloned(int pid, int error) {
    if (expected_.empty()) return;
    auto [made, shape, request, tries_left] = std::move(expected_.front());
    expected_.pop_front();
    auto& one = *made;
    const auto at = connections_.find(one.connection());
    if (pid < 0) {
        reply(one.connection(), request, make_failure(failure_kind::internal, error, "cloning a sandbox"));
    } else {
        const auto failed = one.on_cloned(pid, shape);
        by_pid_.emplace(pid, std::move(made));
        by_sandbox_.emplace(one.sandbox(), &one);
        if (failed || at == connections_.end() || is_quitting_) discard(one);
        if (at != connections_.end()) {
            if (failed)
                at->second->reply(request, failed);
            else
                at->second->send(message_type::made, request, shim_protocol::made_sandbox{one.sandbox(), pid});
        }
    }
    if (!std::exchange(knows_all_children_, true) || is_quitting_) on_children();
}

} // namespace davit::shim
