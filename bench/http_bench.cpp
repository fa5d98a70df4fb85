// HTTP: a head taken apart, and requests over a unix socket from a client to a server in one process and one thread.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/scope.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "io/loop.h"

namespace davit::io {
namespace {

constexpr std::string_view head = "GET /v1.51/containers/json?all=1 HTTP/1.1\r\n"
                                  "Host: api.moby.localhost\r\n"
                                  "User-Agent: Docker-Client/28.5.1 (linux)\r\n"
                                  "Accept: application/json\r\n"
                                  "Accept-Encoding: gzip\r\n\r\n";

void parse_a_request_head(benchmark::State& state) {
    http_parser parser{http_parser::kind::request, {}};
    for (auto _ : state) {
        benchmark::DoNotOptimize(parser.next(as_bytes(head)));
        parser.reset();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * head.size()));
}
BENCHMARK(parse_a_request_head);

task<void> answer(http_exchange* exchange, std::size_t size) {
    http_response_head response;
    response.headers.add("Content-Type", "application/json");
    co_await exchange->respond(std::move(response), std::string(size, 'x'));
}

task<void> stream(http_exchange* exchange, std::size_t size) {
    const std::string piece(32 * 1024, 'x');
    http_body_writer body = co_await exchange->begin_stream({});
    for (std::size_t sent = 0; sent < size; sent += piece.size()) co_await body.write(piece);
    co_await body.finish();
}

/// Requests one after another over one kept connection; time of one, both ends included.
template <auto Handler> void request_over_a_unix_socket(benchmark::State& state) {
    std::string directory = (std::filesystem::temp_directory_path() / "davit-bench-XXXXXX").string();
    if (!::mkdtemp(directory.data())) return state.SkipWithError("no temporary directory");
    loop loop;
    loop.run([](benchmark::State* s, std::string path) -> task<void> {
        const auto size = static_cast<std::size_t>(s->range(0));
        const listener_ptr open = co_await listen_unix(path, 0600);
        co_await with_scope([&](scope& servers) -> task<void> {
            servers.spawn(serve(*open, [size](http_exchange& x) { return Handler(&x, size); }, {}));
            http_client client{make_connector()};
            std::vector<std::byte> into(64 * 1024);
            for (auto _ : *s) {
                http_client_response response = co_await client.request({"unix", path, 0}, {});
                while (co_await response.read(into) > 0) {
                }
            }
            servers.cancel();
        });
    }(&state, directory + "/s"));
    std::filesystem::remove_all(directory);
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(request_over_a_unix_socket<answer>)->ArgName("body")->Arg(100)->Arg(100'000)->UseRealTime();
BENCHMARK(request_over_a_unix_socket<stream>)->ArgName("body")->Arg(1 << 25)->UseRealTime();

} // namespace
} // namespace davit::io
