// What a layer passes through: expanding, hashing, reading tar; and writing it. Small files cost headers, large ones
// bytes.
#include <algorithm>
#include <cstring>

#include <benchmark/benchmark.h>

#include "io/compression.h"
#include "io/sha256.h"
#include "io/tar.h"

namespace {

using namespace davit::io;

/// Half random and half repeated, so that it compresses about as program files do.
std::string content_of(std::size_t size) {
    std::string text(size, '\0');
    std::uint32_t random = 1;
    for (std::size_t at = 0; at < size; ++at) {
        if (at % 64 < 32) random = random * 1664525 + 1013904223;
        text[at] = static_cast<char>(random >> 24);
    }
    return text;
}

std::string layer_of(std::size_t files, std::size_t size) {
    std::string out;
    tar_writer writer{[&](std::span<const std::byte> bytes) {
        out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }};
    const auto content = content_of(size);
    for (std::size_t at = 0; at < files; ++at)
        writer.add({.path = "usr/lib/file" + std::to_string(at), .mode = 0644}, content);
    writer.finish();
    return out;
}

void read_tar(benchmark::State& state) {
    const auto layer = layer_of(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
    for (auto _ : state) {
        std::size_t at = 0;
        tar_reader reader{[&](std::span<std::byte> room) {
            const auto size = std::min(room.size(), layer.size() - at);
            std::memcpy(room.data(), layer.data() + at, size);
            at += size;
            return size;
        }};
        while (reader.next() != nullptr)
            while (const auto block = reader.next_block()) benchmark::DoNotOptimize(block->bytes.data());
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(layer.size()));
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void write_tar(benchmark::State& state) {
    const auto files = static_cast<std::size_t>(state.range(0));
    const auto content = content_of(static_cast<std::size_t>(state.range(1)));
    for (auto _ : state) {
        tar_writer writer{[](std::span<const std::byte> bytes) { benchmark::DoNotOptimize(bytes.data()); }};
        for (std::size_t at = 0; at < files; ++at) writer.add({.path = "usr/lib/file", .mode = 0644}, content);
        writer.finish();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void expand(benchmark::State& state, const std::string& packed, std::size_t size) {
    for (auto _ : state) {
        decoder stage;
        stage.pass(std::as_bytes(std::span{packed}), true,
                   [](std::span<const std::byte> piece) { benchmark::DoNotOptimize(piece.data()); });
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

std::string pack(byte_stage& stage, const std::string& text) {
    std::string out;
    stage.pass(std::as_bytes(std::span{text}), true, [&](std::span<const std::byte> piece) {
        out.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    });
    return out;
}

constexpr std::size_t expanded_size = 16 << 20;

void expand_gzip(benchmark::State& state) {
    expand(state, pack(*make_gzip_encoder(6), content_of(expanded_size)), expanded_size);
}

void expand_zstd(benchmark::State& state) {
    expand(state, pack(*make_zstd_encoder(), content_of(expanded_size)), expanded_size);
}

void make_gzip(benchmark::State& state) {
    const auto text = content_of(expanded_size);
    for (auto _ : state) benchmark::DoNotOptimize(pack(*make_gzip_encoder(static_cast<int>(state.range(0))), text));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void hash(benchmark::State& state) {
    const auto text = content_of(1 << 20);
    for (auto _ : state) benchmark::DoNotOptimize(sha256::hex_of(text));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

BENCHMARK(read_tar)->Args({10'000, 100})->Args({10, 10 << 20});
BENCHMARK(write_tar)->Args({10'000, 100})->Args({10, 10 << 20});
BENCHMARK(expand_gzip);
BENCHMARK(expand_zstd);
BENCHMARK(make_gzip)->Arg(1)->Arg(6);
BENCHMARK(hash);

} // namespace
