#include "api/create_body.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "io/json.h"
#include "tests/core/refusal.h"

namespace davit::api {
namespace {

create_request read(std::string_view json) {
    return to_create_request(io::parse<received_body>(json, "invalid JSON"), "web", "");
}

std::string refusal(std::string_view json, errc category) {
    return refusal_of([&] { read(json); }, category);
}

TEST(create_body, what_the_docker_cli_sends_is_read) {
    const auto request = read(R"({
      "Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":true,"AttachStderr":true,"Tty":false,
      "OpenStdin":false,"StdinOnce":false,"Env":["A=1"],"Cmd":["echo","hi"],"Image":"busybox","Volumes":{},
      "WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":{"k":"v"},
      "HostConfig":{"Binds":null,"ContainerIDFile":"","LogConfig":{"Type":"","Config":{}},"NetworkMode":"default",
        "PortBindings":{},"RestartPolicy":{"Name":"no","MaximumRetryCount":0},"AutoRemove":true,"VolumeDriver":"",
        "VolumesFrom":null,"ConsoleSize":[24,80],"CapAdd":null,"CapDrop":null,"CgroupnsMode":"","Dns":[],
        "DnsOptions":[],"DnsSearch":[],"ExtraHosts":null,"GroupAdd":null,"IpcMode":"","Cgroup":"","Links":null,
        "OomScoreAdj":0,"PidMode":"","Privileged":false,"PublishAllPorts":false,"ReadonlyRootfs":false,
        "SecurityOpt":null,"UTSMode":"","UsernsMode":"","ShmSize":0,"Isolation":"","CpuShares":0,"Memory":0,
        "NanoCpus":0,"CgroupParent":"","BlkioWeight":0,"BlkioWeightDevice":[],"BlkioDeviceReadBps":[],
        "BlkioDeviceWriteBps":[],"BlkioDeviceReadIOps":[],"BlkioDeviceWriteIOps":[],"CpuPeriod":0,"CpuQuota":0,
        "CpuRealtimePeriod":0,"CpuRealtimeRuntime":0,"CpusetCpus":"","CpusetMems":"","Devices":[],
        "DeviceCgroupRules":null,"DeviceRequests":null,"MemoryReservation":0,"MemorySwap":0,"MemorySwappiness":-1,
        "OomKillDisable":false,"PidsLimit":0,"Ulimits":[],"CpuCount":0,"CpuPercent":0,"IOMaximumIOps":0,
        "IOMaximumBandwidth":0,"MaskedPaths":null,"ReadonlyPaths":null},
      "NetworkingConfig":{"EndpointsConfig":{"default":{"IPAMConfig":null,"Links":null,"Aliases":null,
        "MacAddress":"","DriverOpts":null,"GwPriority":0,"NetworkID":"","EndpointID":"","Gateway":"","IPAddress":"",
        "IPPrefixLen":0,"IPv6Gateway":"","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"DNSNames":null}}}})");
    EXPECT_EQ(request.name, "web");
    EXPECT_EQ(request.config.image, "busybox");
    EXPECT_EQ(request.config.command, (std::vector<std::string>{"echo", "hi"}));
    EXPECT_FALSE(request.config.entrypoint);
    EXPECT_EQ(request.config.labels->at("k"), "v");
    EXPECT_TRUE(request.host.auto_remove);
    EXPECT_EQ(request.host.network_mode, "bridge");
    EXPECT_FALSE(request.host.memory_swappiness);
    EXPECT_FALSE(request.host.pids_limit);
}

TEST(create_body, a_command_may_be_one_text_which_is_one_word) {
    const auto request = read(R"({"Cmd":"echo hi","Entrypoint":"/bin/sh"})");
    EXPECT_EQ(request.config.command, (std::vector<std::string>{"echo hi"}));
    EXPECT_EQ(request.config.entrypoint, (std::vector<std::string>{"/bin/sh"}));
    EXPECT_FALSE(read(R"({"Cmd":null})").config.command);
    EXPECT_THROW(read(R"({"Cmd":5})"), error);
    EXPECT_THROW(read(R"({"Env":"A=1"})"), error);
}

TEST(create_body, a_capability_may_be_one_text) {
    const auto request = read(R"({"HostConfig":{"CapAdd":"NET_ADMIN","CapDrop":"CHOWN","Memory":4194304}})");
    EXPECT_EQ(request.host.capabilities_to_add, (std::vector<std::string>{"NET_ADMIN"}));
    EXPECT_EQ(request.host.capabilities_to_drop, (std::vector<std::string>{"CHOWN"}));
    EXPECT_EQ(request.host.memory, 4194304);
    const auto listed = read(R"({"HostConfig":{"CapAdd":["A","B"],"CapDrop":null}})");
    EXPECT_EQ(listed.host.capabilities_to_add, (std::vector<std::string>{"A", "B"}));
    EXPECT_FALSE(listed.host.capabilities_to_drop);
    EXPECT_THROW(read(R"({"HostConfig":{"CapAdd":5}})"), error);
    EXPECT_THROW(read(R"({"HostConfig":{"Dns":"1.1.1.1"}})"), error);
}

TEST(create_body, what_is_not_offered_is_refused_by_name_and_not_ignored) {
    EXPECT_EQ(refusal(R"({"HostConfig":{"BlkioWeight":10}})", errc::unsupported),
              "HostConfig.BlkioWeight is not supported by this version of Davit");
    EXPECT_EQ(refusal(R"({"HostConfig":{"VolumeDriver":"x"}})", errc::unsupported),
              "HostConfig.VolumeDriver is not supported by this version of Davit");
    EXPECT_EQ(refusal(R"({"HostConfig":{"StorageOpt":{"size":"1G"}}})", errc::unsupported),
              "HostConfig.StorageOpt is not supported by this version of Davit");
    EXPECT_EQ(refusal(R"({"HostConfig":{"StorageOpt": { }, "CpuCount": 0}})", errc::unsupported), "");
}

TEST(create_body, the_default_networks_take_no_addresses_and_no_aliases) {
    EXPECT_EQ(refusal(R"({"NetworkingConfig":{"EndpointsConfig":{"bridge":{"IPAMConfig":{"IPv4Address":"1.2.3.4"}}}}})",
                      errc::invalid),
              "user specified IP address is supported on user defined networks only");
    EXPECT_EQ(refusal(R"({"NetworkingConfig":{"EndpointsConfig":{"bridge":{"Aliases":["a"]}}}})", errc::invalid),
              "network-scoped aliases are only supported for user-defined networks");
    EXPECT_EQ(refusal(R"({"NetworkingConfig":{"EndpointsConfig":{"bridge":null}}})", errc::invalid), "");
    EXPECT_NE(refusal(R"({"HostConfig":{"NetworkMode":"none"},"NetworkingConfig":{"EndpointsConfig":{"bridge":{}}}})",
                      errc::unsupported),
              "");
}

TEST(create_body, a_wrong_type_is_refused_with_its_path) {
    EXPECT_EQ(refusal(R"({"HostConfig":{"Memory":"a lot"}})", errc::invalid).find("invalid JSON: HostConfig.Memory"),
              0);
    EXPECT_NE(refusal(R"({"HostConfig":{"Memory":1e30}})", errc::invalid), "");
    EXPECT_NE(refusal(R"({"HostConfig":{"Memory":NaN}})", errc::invalid), "");
    EXPECT_NE(refusal(R"({"Cmd":{"a":1}})", errc::invalid), "");
}

} // namespace
} // namespace davit::api
