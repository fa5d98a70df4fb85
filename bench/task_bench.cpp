// What the coroutine layer costs: an await, a wait that another coroutine ends, a channel, a scope, the worker pool.
#include <benchmark/benchmark.h>

#include "core/channel.h"
#include "core/event.h"
#include "core/scope.h"
#include "core/task.h"
#include "io/loop.h"
#include "io/offload.h"

namespace davit {
namespace {

task<int> one() {
    co_return 1;
}

void await_that_ends_at_once(benchmark::State& state) {
    io::loop loop;
    loop.run([](benchmark::State* s) -> task<void> {
        for (auto _ : *s) benchmark::DoNotOptimize(co_await one());
    }(&state));
}
BENCHMARK(await_that_ends_at_once);

task<void> consume(channel<int>* from) {
    while (co_await from->receive()) {
    }
}

/// A channel of one place: each value is a switch to the other coroutine and back.
void switch_between_two_tasks(benchmark::State& state) {
    io::loop loop;
    loop.run([](benchmark::State* s) -> task<void> {
        channel<int> values{static_cast<std::size_t>(s->range(0))};
        co_await with_scope([&](scope& children) -> task<void> {
            children.spawn(consume(&values));
            for (auto _ : *s) co_await values.send(1);
            values.close();
        });
    }(&state));
}
BENCHMARK(switch_between_two_tasks)->ArgName("channel_places")->Arg(1)->Arg(64);

task<void> nothing() {
    co_return;
}

void scope_with_children(benchmark::State& state) {
    io::loop loop;
    loop.run([](benchmark::State* s) -> task<void> {
        for (auto _ : *s)
            co_await with_scope([&](scope& children) -> task<void> {
                for (std::int64_t i = 0; i < s->range(0); ++i) children.spawn(nothing());
                co_return;
            });
    }(&state));
}
BENCHMARK(scope_with_children)->ArgName("children")->Arg(1)->Arg(16);

void offloaded_job(benchmark::State& state) {
    io::loop loop;
    loop.run([](benchmark::State* s) -> task<void> {
        for (auto _ : *s) benchmark::DoNotOptimize(co_await io::offload([] { return 1; }));
    }(&state));
}
BENCHMARK(offloaded_job)->UseRealTime();

} // namespace
} // namespace davit
