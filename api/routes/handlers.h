#pragma once

#include "api/engine.h"
#include "api/exchange.h"
#include "core/task.h"

/// The handlers of the endpoints: each decodes a request, calls one interface of core, and encodes its answer. The
/// engine and the exchange outlive them.
namespace davit::api::routes {

task<void> ping(engine& serves, exchange& request);
task<void> version(engine& serves, exchange& request);
task<void> info(engine& serves, exchange& request);
task<void> events(engine& serves, exchange& request);

task<void> create_image(engine& serves, exchange& request);
task<void> list_images(engine& serves, exchange& request);
task<void> inspect_image(engine& serves, exchange& request);
task<void> delete_image(engine& serves, exchange& request);

task<void> create_container(engine& serves, exchange& request);
task<void> list_containers(engine& serves, exchange& request);
task<void> inspect_container(engine& serves, exchange& request);
task<void> start_container(engine& serves, exchange& request);
task<void> stop_container(engine& serves, exchange& request);
task<void> restart_container(engine& serves, exchange& request);
task<void> kill_container(engine& serves, exchange& request);
task<void> wait_container(engine& serves, exchange& request);
task<void> delete_container(engine& serves, exchange& request);
task<void> resize_container(engine& serves, exchange& request);
task<void> container_logs(engine& serves, exchange& request);
task<void> attach_container(engine& serves, exchange& request);
task<void> launch_times_of_container(engine& serves, exchange& request);

} // namespace davit::api::routes
