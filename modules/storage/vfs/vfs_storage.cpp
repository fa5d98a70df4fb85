#include "modules/storage/vfs/vfs_storage.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <utility>

#include "core/error.h"
#include "core/rollback.h"
#include "io/beneath.h"
#include "io/offload.h"
#include "modules/storage/vfs/tree_copy.h"

namespace davit {

task<void> vfs_storage::make_container(std::string container_id, std::vector<digest> chain_ids) {
    const auto stack = directories_.stack_of(chain_ids);
    const auto begin = [](int own) {
        if (::mkdirat(own, "r", 0755) != 0 || ::fchmodat(own, "r", 0755, 0) != 0)
            throw error::system(errno, "making the root directory of a container");
    };
    co_await directories_.make_container(container_id, stack, begin, false);
    rollback undo;
    undo.add([this, container_id] { return directories_.remove_container(container_id); });
    co_await with_rollback(undo, copy_layers(container_id, stack));
}

task<void> vfs_storage::copy_layers(std::string container_id, layer_directories::layer_list stack) {
    // One job a layer, so that a cancelled create ends soon.
    for (auto id = stack->rbegin(); id != stack->rend(); ++id) {
        co_await io::offload([layers = directories_.layers_fd(), containers = directories_.containers_fd(), id = *id,
                              root = layer_directories::unfinished(container_id) + "/r"] {
            const io::descriptor layer = io::open_beneath(layers, id, O_RDONLY | O_DIRECTORY, io::links::refused);
            const io::descriptor to = io::open_beneath(containers, root, O_RDONLY | O_DIRECTORY, io::links::refused);
            if (!layer || !to) throw error::system(errno, "opening a layer to copy it");
            apply_layer(layer.get(), to.get());
        });
    }
    co_await directories_.finish_container(std::move(container_id));
}

task<rootfs_plan> vfs_storage::container_rootfs(std::string container_id) {
    directories_.container_stack(container_id); // refuses an unknown one
    rootfs_plan plan;
    plan.host_layers.push_back(directories_.container_directory(container_id) + "/r");
    co_return plan;
}

} // namespace davit
