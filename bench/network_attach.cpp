// network_attach [N]: what one more container costs on the bridge network, as N containers stay attached (default
// 1,000). Everything happens in a network namespace of its own. Prints, for windows of the count, the median and the
// slowest tenth of the attach (driver, from the loop), of the configuration from inside, and of making the empty
// namespace beforehand.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <vector>

#include "io/loop.h"
#include "modules/network/bridge/bridge_network.h"
#include "tests/io/network_world.h"
#include "tests/modules/memory_store.h"

namespace {

using namespace davit;

double microseconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
}

double part(std::vector<double> times, double which) {
    const auto at = times.begin() + static_cast<std::ptrdiff_t>(static_cast<double>(times.size() - 1) * which);
    std::nth_element(times.begin(), at, times.end());
    return *at;
}

void configure(const namespace_holder& holder, const interface_plan& plan) {
    holder.inside([&] {
        io::netlink_socket kernel;
        io::netlink_batch batch;
        const auto link = kernel.find_link(plan.name)->index;
        batch.set_up("lo");
        batch.quiet_ipv6(plan.name);
        batch.add_address(link, *io::ipv4_network::parse(plan.addresses[0]));
        batch.set_up(link);
        batch.set_neighbour(link, *io::ipv4_address::parse(plan.neighbours[0].address),
                            *io::mac_address::parse(plan.neighbours[0].mac));
        batch.add_route({{0}, 0}, *io::ipv4_address::parse(plan.gateways[0]));
        kernel.apply(std::move(batch));
    });
}

} // namespace

int main(int count, char** arguments) {
    const int all = count > 1 ? std::atoi(arguments[1]) : 1000;
    enter_own_network();
    io::loop loop;
    memory_store store;
    bridge_network network{store, "davit0", {}, true};
    loop.run(network.start());
    std::vector<std::unique_ptr<namespace_holder>> holders;
    std::vector<double> attach;
    std::vector<double> processor;
    std::vector<double> inside;
    std::vector<double> made;
    std::printf("%10s %24s %24s %24s %24s   (microseconds: median, slowest tenth)\n", "attached", "attach", "processor",
                "configure", "namespace");
    for (int i = 1; i <= all; ++i) {
        auto begin = std::chrono::steady_clock::now();
        holders.push_back(std::make_unique<namespace_holder>());
        made.push_back(microseconds_since(begin));
        begin = std::chrono::steady_clock::now();
        const auto clock_begin = std::clock();
        const auto attached = loop.run(network.attach(holders.back()->pid()));
        attach.push_back(microseconds_since(begin));
        processor.push_back(static_cast<double>(std::clock() - clock_begin) * 1e6 / CLOCKS_PER_SEC);
        begin = std::chrono::steady_clock::now();
        configure(*holders.back(), attached.plan.interfaces[0]);
        inside.push_back(microseconds_since(begin));
        if (i == 10 || i == 50 || i % 100 == 0 || i == all) {
            std::printf("%10d %14.0f %9.0f %14.0f %9.0f %14.0f %9.0f %14.0f %9.0f\n", i, part(attach, 0.5),
                        part(attach, 0.9), part(processor, 0.5), part(processor, 0.9), part(inside, 0.5),
                        part(inside, 0.9), part(made, 0.5), part(made, 0.9));
            std::fflush(stdout);
            attach.clear();
            processor.clear();
            inside.clear();
            made.clear();
        }
    }
    loop.run(network.stop());
}
