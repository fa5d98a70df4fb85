// URLs, references and queries from strangers: what is taken can be written and read again, and says the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/error.h"
#include "io/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    static const davit::io::url base = davit::io::url::parse("https://example.test/a/b?c");
    try {
        const auto resolved = base.resolve(input);
        auto again = davit::io::url::parse(resolved.to_string());
        again.user_info = resolved.user_info;
        // A port that is the scheme's own is not written.
        if (again.target() != resolved.target() || again.host != resolved.host ||
            again.effective_port() != resolved.effective_port())
            std::abort();
    } catch (const davit::error&) {
    }
    try {
        const auto query = davit::io::url_query::parse(input);
        if (davit::io::url_query::parse(query.to_string()).parameters() != query.parameters()) std::abort();
    } catch (const davit::error&) {
    }
    return 0;
}
