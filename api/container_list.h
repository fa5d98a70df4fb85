#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "api/engine.h"
#include "api/filters.h"

namespace davit::api {

/// What a list of containers is asked for (GET /containers/json).
struct container_list_query {
    bool wants_all = false; ///< Also those that don't run
    std::size_t limit = 0;  ///< The newest ones only, running or not; 0: no limit
    filters only;
};

/// Those containers that a query is about, newest first. Errors: invalid (a filter or its value), not_found (of the
/// filters before and since). The pointers are valid until the next await.
std::vector<const container_record*> select_containers(const engine& from, const container_list_query& query);

} // namespace davit::api
