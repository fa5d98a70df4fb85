#include "cli/commands/commands.h"
#include "cli/command.h"

namespace davit::cli {

namespace {

constexpr std::size_t any = SIZE_MAX;

// name, group, name in the group, usage, summary, words at least and at most, interspersed, maker
constexpr command_entry entries[] = {
    {"run", "container", "", "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Create and run a new container from an image", 1,
     any, false, make_run},
    {"create", "container", "", "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Create a new container", 1, any, false,
     make_create},
    {"ps", "container", "ls", "[OPTIONS]", "List containers", 0, 0, true, make_ps},
    {"pull", "image", "", "[OPTIONS] NAME[:TAG|@DIGEST]", "Download an image from a registry", 1, 1, true, make_pull},
    {"images", "image", "ls", "[OPTIONS] [REPOSITORY[:TAG]]", "List images", 0, 1, true, make_images},
    {"info", "system", "", "[OPTIONS]", "Display system-wide information", 0, 0, true, make_info},
    {"version", "", "", "[OPTIONS]", "Show the Davit version information", 0, 0, true, make_version},
    {"attach", "container", "", "[OPTIONS] CONTAINER",
     "Attach local standard input, output, and error streams to a running container", 1, 1, true, make_attach},
    {"events", "system", "", "[OPTIONS]", "Get real time events from the server", 0, 0, true, make_events},
    {"inspect", "", "", "[OPTIONS] NAME|ID [NAME|ID...]", "Return low-level information on Davit objects", 1, any, true,
     make_inspect},
    {"", "container", "inspect", "[OPTIONS] CONTAINER [CONTAINER...]",
     "Display detailed information on one or more containers", 1, any, true, make_container_inspect},
    {"", "image", "inspect", "[OPTIONS] IMAGE [IMAGE...]", "Display detailed information on one or more images", 1, any,
     true, make_image_inspect},
    {"kill", "container", "", "[OPTIONS] CONTAINER [CONTAINER...]", "Kill one or more running containers", 1, any, true,
     make_kill},
    {"logs", "container", "", "[OPTIONS] CONTAINER", "Fetch the logs of a container", 1, 1, true, make_logs},
    {"restart", "container", "", "[OPTIONS] CONTAINER [CONTAINER...]", "Restart one or more containers", 1, any, true,
     make_restart},
    {"rm", "container", "", "[OPTIONS] CONTAINER [CONTAINER...]", "Remove one or more containers", 1, any, true,
     make_rm},
    {"rmi", "image", "rm", "[OPTIONS] IMAGE [IMAGE...]", "Remove one or more images", 1, any, true, make_rmi},
    {"start", "container", "", "[OPTIONS] CONTAINER [CONTAINER...]", "Start one or more stopped containers", 1, any,
     true, make_start},
    {"stop", "container", "", "[OPTIONS] CONTAINER [CONTAINER...]", "Stop one or more running containers", 1, any, true,
     make_stop},
    {"wait", "container", "", "CONTAINER [CONTAINER...]",
     "Block until one or more containers stop, then print their exit codes", 1, any, true, make_wait},
};

} // namespace

std::span<const command_entry> all_commands() {
    return entries;
}

} // namespace davit::cli
