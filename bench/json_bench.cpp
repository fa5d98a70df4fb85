// Reading and writing JSON of the size that the engine meets: a manifest of ten layers, a list of fifty containers.
#include <benchmark/benchmark.h>

#include "io/json.h"

namespace {

struct descriptor {
    std::string media_type;
    std::string digest;
    std::uint64_t size = 0;
};

struct manifest {
    int schema_version = 2;
    descriptor config;
    std::vector<descriptor> layers;
};

struct listed_port {
    std::string ip;
    std::uint16_t inside = 0;
    std::uint16_t outside = 0;
};

struct listed_container {
    std::string id;
    std::vector<std::string> names;
    std::string image;
    std::string command;
    std::int64_t created = 0;
    std::vector<listed_port> ports;
    std::map<std::string, std::string> labels;
    std::string state;
    std::string status;
};

manifest sample_manifest() {
    const std::string digest = "sha256:" + std::string(64, 'a');
    manifest made;
    made.config = {"application/vnd.oci.image.config.v1+json", digest, 1234};
    made.layers.assign(10, {"application/vnd.oci.image.layer.v1.tar+gzip", digest, 123'456'789});
    return made;
}

std::vector<listed_container> sample_list() {
    return std::vector<listed_container>(50, {std::string(64, 'c'),
                                              {"/quick_swan"},
                                              "docker.io/library/busybox:latest",
                                              "/bin/sh -c 'while true; do date; sleep 1; done'",
                                              1'795'537'536,
                                              {{"0.0.0.0", 80, 8080}, {"::", 80, 8080}},
                                              {{"com.example.project", "shop"}, {"com.example.service", "web"}},
                                              "running",
                                              "Up 5 minutes"});
}

} // namespace

template <> struct davit::fields_of<descriptor> {
    static constexpr field_list list{field("mediaType", &descriptor::media_type), field("digest", &descriptor::digest),
                                     field("size", &descriptor::size)};
};
template <> struct davit::fields_of<manifest> {
    static constexpr field_list list{field("schemaVersion", &manifest::schema_version),
                                     field("config", &manifest::config), field("layers", &manifest::layers)};
};
template <> struct davit::fields_of<listed_port> {
    static constexpr field_list list{field("IP", &listed_port::ip), field("PrivatePort", &listed_port::inside),
                                     field("PublicPort", &listed_port::outside)};
};
template <> struct davit::fields_of<listed_container> {
    static constexpr field_list list{
        field("Id", &listed_container::id),           field("Names", &listed_container::names),
        field("Image", &listed_container::image),     field("Command", &listed_container::command),
        field("Created", &listed_container::created), field("Ports", &listed_container::ports),
        field("Labels", &listed_container::labels),   field("State", &listed_container::state),
        field("Status", &listed_container::status)};
};

namespace {

template <class T> void read(benchmark::State& state, const T& value) {
    const auto text = davit::io::to_json(value);
    for (auto _ : state) benchmark::DoNotOptimize(davit::io::parse<T>(text, "benchmark"));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

template <class T> void write(benchmark::State& state, const T& value) {
    std::string text;
    for (auto _ : state) {
        text.clear();
        davit::io::append_json(text, value);
        benchmark::DoNotOptimize(text.data());
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void read_manifest(benchmark::State& state) {
    read(state, sample_manifest());
}
void write_manifest(benchmark::State& state) {
    write(state, sample_manifest());
}
void read_container_list(benchmark::State& state) {
    read(state, sample_list());
}
void write_container_list(benchmark::State& state) {
    write(state, sample_list());
}

BENCHMARK(read_manifest);
BENCHMARK(write_manifest);
BENCHMARK(read_container_list);
BENCHMARK(write_container_list);

} // namespace
