#pragma once

#include "api/api_version.h"
#include "api/engine.h"
#include "api/types/system_info.h"
#include "api/types/version.h"

namespace davit::api {

version_response describe_version(const engine& of);
system_info describe_system(const engine& of, api_version version);

} // namespace davit::api
