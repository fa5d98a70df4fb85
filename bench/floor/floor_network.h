#pragma once

#include <cstdint>
#include <string>

// The network's share of a launch, by rtnetlink(7) and no library. Errors end the program with what failed.
namespace davit::floor {

/// A bridge of the floor's own, up, with an address; removed with its ports by the destructor.
class bridge {
  public:
    explicit bridge(std::string name);
    ~bridge();
    bridge(const bridge&) = delete;
    bridge& operator=(const bridge&) = delete;

    /// A veth pair: one end a port of the bridge, the other as eth0 in the network namespace of `pid`; IPv6 kept quiet.
    void add_port(const std::string& name, int pid);

  private:
    std::string name_;
    int socket_;
    int index_;
};

/// In the container: loopback up; with `host_number` eth0 gets its address 10.231.x.y and a default route.
void configure_inside(std::uint32_t host_number);

} // namespace davit::floor
