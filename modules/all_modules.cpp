#include "modules/all_modules.h"

#include "modules/containers/containers_module.h"
#include "modules/events/events_module.h"
#include "modules/images/blob_directory.h"
#include "modules/images/images_module.h"
#include "modules/images/local_image_store.h"
#include "modules/logs/json_file/json_file_driver.h"
#include "modules/logs/none/none_driver.h"
#include "modules/network/bridge/bridge_network.h"
#include "modules/network/unwired/unwired_network.h"
#include "modules/registry/embedded_registry.h"
#include "modules/registry_client/registry_client_module.h"
#include "modules/runtime/native/default_security.h"
#include "modules/runtime/native/native_runtime.h"
#include "modules/sandboxes/sandbox_stock.h"
#include "modules/state/sqlite_state.h"
#include "modules/storage/overlay/overlay_storage.h"
#include "modules/storage/vfs/vfs_storage.h"

namespace davit {

void register_all(module_registry& to) {
    to.add<sqlite_state>("state", module_kind::service);
    to.add<events_module>("events", module_kind::service);

    to.add<overlay_storage>("overlay", module_kind::storage_driver);
    to.add<vfs_storage>("vfs", module_kind::storage_driver);

    to.add<blob_directory>("blobs", module_kind::service);
    to.add<local_image_store>("image-store", module_kind::service);
    to.add<registry_client_module>("registry-client", module_kind::service);
    to.add<images_module>("images", module_kind::service);

    to.add<native_runtime>("native", module_kind::runtime);
    to.add<default_security>("security", module_kind::service);
    to.add<bridge_network>("bridge", module_kind::network_driver);
    to.add<none_network>("none", module_kind::network_driver);
    to.add<host_network>("host", module_kind::network_driver);
    to.add<sandbox_stock>("sandboxes", module_kind::service);
    to.add<json_file_driver>("json-file", module_kind::log_driver);
    to.add<none_log_driver>("none", module_kind::log_driver);
    to.add<containers_module>("containers", module_kind::service);

    to.add<embedded_registry>("registry", module_kind::service);
}

} // namespace davit
