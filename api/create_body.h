#pragma once

#include "api/types/container_create.h"
#include "core/container_service.h"

namespace davit::api {

/// What a client asks for with POST /containers/create, in the engine's words: Docker's spellings of "nothing asked"
/// are taken for what they mean (a swappiness of -1, a limit of 0 processes, the network "default"). Errors: invalid;
/// unsupported for something of Docker's that this engine does not offer, by name.
create_request to_create_request(create_body body, std::string name, std::string platform);

} // namespace davit::api
