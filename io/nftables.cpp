#include "io/nftables.h"

#include <dlfcn.h>
#include <memory>
#include <nftables/libnftables.h>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "io/offload.h"

namespace davit::io {

namespace {

/// libnftables, loaded as long as this lives.
class nftables_library {
  public:
    nftables_library() : library_{::dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL)} {
        if (!library_) throw error(errc::unavailable, "loading the packet filter's library: {}", ::dlerror());
        load(make_context, "nft_ctx_new");
        load(free_context, "nft_ctx_free");
        load(keep_output, "nft_ctx_buffer_output");
        load(keep_errors, "nft_ctx_buffer_error");
        load(errors, "nft_ctx_get_error_buffer");
        load(run_commands, "nft_run_cmd_from_buffer");
    }

    decltype(&nft_ctx_new) make_context = nullptr;
    decltype(&nft_ctx_free) free_context = nullptr;
    decltype(&nft_ctx_buffer_output) keep_output = nullptr;
    decltype(&nft_ctx_buffer_error) keep_errors = nullptr;
    decltype(&nft_ctx_get_error_buffer) errors = nullptr;
    decltype(&nft_run_cmd_from_buffer) run_commands = nullptr;

  private:
    struct closer {
        void operator()(void* library) const noexcept { ::dlclose(library); }
    };

    template <class Function> void load(Function& function, const char* name) {
        function = reinterpret_cast<Function>(::dlsym(library_.get(), name));
        if (!function) throw error(errc::unavailable, "the packet filter's library has no function {}", name);
    }

    std::unique_ptr<void, closer> library_;
};

void run_now(const std::string& commands) {
    const nftables_library library;
    const std::unique_ptr<nft_ctx, decltype(library.free_context)> context{library.make_context(NFT_CTX_DEFAULT),
                                                                           library.free_context};
    if (!context) throw error(errc::internal, "making a packet filter context: out of memory");
    library.keep_output(context.get());
    library.keep_errors(context.get());
    if (library.run_commands(context.get(), commands.c_str()) != 0)
        throw error(errc::internal, "changing the packet filter: {}", library.errors(context.get()));
}

task<void> run_on_worker(std::string commands) {
    co_await offload([&] { run_now(commands); });
}

} // namespace

task<void> nftables::run(std::string commands) {
    const auto turn = co_await one_at_a_time_.acquire();
    co_await run_on_worker(std::move(commands)).under(nullptr);
}

task<void> nftables::replace_table(std::string table, std::string body) {
    // `add` first, because `delete` refuses a table that is not there.
    co_await run(fmt::format("add table {0}\ndelete table {0}\ntable {0} {{\n{1}\n}}\n", table, body));
}

task<void> nftables::remove_table(std::string table) {
    co_await run(fmt::format("add table {0}\ndelete table {0}\n", table));
}

} // namespace davit::io
