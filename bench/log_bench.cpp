// The json-file log: lines of 100 bytes encoded and decoded in memory, and written and read through files.

#include <benchmark/benchmark.h>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/log_driver.h"
#include "io/loop.h"
#include "modules/logs/json_file/json_file_driver.h"
#include "modules/logs/json_file/record_decoder.h"
#include "modules/logs/json_file/record_encoder.h"

namespace {

using namespace davit;

constexpr std::size_t batch = 256u << 10;

std::string hundred_byte_lines(std::size_t size) {
    std::string text;
    while (text.size() < size) text += std::string(99, static_cast<char>('a' + text.size() / 100 % 26)) + '\n';
    return text;
}

std::string encoded(const std::string& lines) {
    record_encoder encoder{{}};
    encoder.set_time(std::chrono::system_clock::now());
    record_buffer out{3 * lines.size() + encoder.longest_record()};
    for (std::size_t at = 0; at < lines.size(); at += 100)
        encoder.append(out, output_stream::standard_output, std::string_view{lines}.substr(at, 99), true);
    return std::string{out.text()};
}

void encode_lines(benchmark::State& state) {
    const std::string lines = hundred_byte_lines(batch);
    record_encoder encoder{{}};
    record_buffer out{3 * lines.size() + encoder.longest_record()};
    for (auto _ : state) {
        out.clear();
        encoder.set_time(std::chrono::system_clock::now());
        for (std::size_t at = 0; at < lines.size(); at += 100)
            encoder.append(out, output_stream::standard_output, std::string_view{lines}.substr(at, 99), true);
        benchmark::DoNotOptimize(out.text().data());
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * lines.size()));
}
BENCHMARK(encode_lines);

void decode_lines(benchmark::State& state) {
    const std::string lines = hundred_byte_lines(batch);
    const std::string records = encoded(lines);
    record_decoder decoder{log_query{}};
    for (auto _ : state) {
        log_batch into;
        decoder.decode(records, into);
        benchmark::DoNotOptimize(into.bytes.data());
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * lines.size()));
}
BENCHMARK(decode_lines);

/// A log in a folder of its own.
struct log_folder {
    log_folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "davit-log-bench-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
        log = loop.run(driver.open("bench", path, {}, {}));
    }
    ~log_folder() { std::filesystem::remove_all(path); }

    io::loop loop;
    json_file_driver driver{module_inputs{}};
    std::string path;
    std::unique_ptr<container_log> log;
};

task<void> append_all(container_log* to, const output_chunk* chunk, std::size_t size) {
    for (std::size_t done = 0; done < size; done += chunk->bytes.size()) co_await to->append(std::span{chunk, 1});
}

void write_100_mb(benchmark::State& state) {
    const output_chunk chunk{output_stream::standard_output, hundred_byte_lines(batch),
                             std::chrono::system_clock::now()};
    for (auto _ : state) {
        state.PauseTiming();
        auto folder = std::make_unique<log_folder>();
        state.ResumeTiming();
        folder->loop.run(append_all(folder->log.get(), &chunk, 100'000'000));
        state.PauseTiming();
        folder.reset();
        state.ResumeTiming();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * 100'000'000);
}
BENCHMARK(write_100_mb)->Unit(benchmark::kMillisecond)->UseRealTime();

task<std::size_t> read_all(container_log* from) {
    const auto reader = co_await from->read(log_query{});
    std::size_t size = 0;
    while (const auto* next = co_await reader->next()) size += next->bytes.size();
    co_return size;
}

void read_100_mb(benchmark::State& state) {
    const output_chunk chunk{output_stream::standard_output, hundred_byte_lines(batch),
                             std::chrono::system_clock::now()};
    log_folder folder;
    folder.loop.run(append_all(folder.log.get(), &chunk, 100'000'000));
    std::size_t size = 0;
    for (auto _ : state) size += folder.loop.run(read_all(folder.log.get()));
    state.SetBytesProcessed(static_cast<std::int64_t>(size));
}
BENCHMARK(read_100_mb)->Unit(benchmark::kMillisecond)->UseRealTime();

} // namespace
