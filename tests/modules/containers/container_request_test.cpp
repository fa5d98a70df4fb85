#include "modules/containers/container_request.h"

#include <csignal>
#include <gtest/gtest.h>
#include <set>

#include "core/error.h"
#include "modules/containers/container.h"
#include "modules/containers/container_files.h"
#include "modules/containers/container_index.h"
#include "modules/containers/container_names.h"
#include "modules/containers/signal_names.h"
#include "modules/containers/sysctl_rules.h"
#include "tests/modules/containers/four_processors.h"

namespace davit {
namespace {

using strings = std::vector<std::string>;

errc refusal(auto change) {
    create_request request;
    request.config.image = "sample";
    change(request);
    strings warnings;
    try {
        check_create_request(request, four_processors, warnings);
    } catch (const error& e) {
        return e.category();
    }
    ADD_FAILURE() << "it was taken";
    return errc::internal;
}

TEST(container_request, a_plain_request_is_taken) {
    create_request request;
    request.name = "/web-1";
    request.config.image = "sample";
    request.config.hostname = "web-1.example";
    request.host.extra_hosts = strings{"db:10.0.0.1", "v6:::1"};
    strings warnings;
    EXPECT_NO_THROW(check_create_request(request, four_processors, warnings));
    EXPECT_TRUE(warnings.empty());
}

TEST(container_request, what_could_forge_a_line_of_a_file_is_refused) {
    EXPECT_EQ(refusal([](create_request& r) { r.config.hostname = "a\nb"; }), errc::invalid);
    EXPECT_EQ(refusal([](create_request& r) { r.config.domain_name = "a\nb"; }), errc::invalid);
    EXPECT_EQ(refusal([](create_request& r) { r.config.environment = strings{"HOME=/x\nroot::0:0"}; }), errc::invalid);
    EXPECT_EQ(refusal([](create_request& r) { r.host.extra_hosts = strings{"a:1.1.1.1\n2.2.2.2 b"}; }), errc::invalid);
    EXPECT_EQ(refusal([](create_request& r) { r.host.dns_search = strings{"a\nnameserver 6.6.6.6"}; }), errc::invalid);
    EXPECT_EQ(refusal([](create_request& r) { r.host.dns = strings{"1.1.1.1\nsearch x"}; }), errc::invalid);
}

TEST(container_request, names_out_of_the_alphabet_are_refused) {
    for (const char* name : {"../x", "a\nb", "\x1b[1m", "a", "-ab", "a b", "a/b"})
        EXPECT_EQ(refusal([&](create_request& r) { r.name = name; }), errc::invalid) << name;
    EXPECT_FALSE(is_container_name(std::string(10'000, 'a')));
    EXPECT_TRUE(is_container_name("a_b.c-D9"));
}

TEST(container_request, what_is_not_offered_is_refused) {
    EXPECT_EQ(refusal([](create_request& r) { r.host.binds = strings{"/etc:/x"}; }), errc::unsupported);
    EXPECT_EQ(refusal([](create_request& r) { r.host.publishes_all_ports = true; }), errc::unsupported);
    EXPECT_EQ(refusal([](create_request& r) { r.host.wants_init = true; }), errc::unsupported);
    EXPECT_EQ(refusal([](create_request& r) { r.host.pid_mode = "container:x"; }), errc::unsupported);
    EXPECT_EQ(refusal([](create_request& r) { r.host.network_mode = "container:x"; }), errc::unsupported);
    EXPECT_EQ(refusal([](create_request& r) { r.host.network_mode = "../x"; }), errc::invalid);
    EXPECT_EQ(refusal([](create_request& r) { r.host.runtime = "../../bin/sh"; }), errc::invalid);
    EXPECT_EQ(refusal([](create_request& r) { r.host.tmpfs = string_map{{"/proc/x", ""}}; }), errc::invalid);
    EXPECT_EQ(refusal([](create_request& r) { r.host.tmpfs = string_map{{"/a/../proc", ""}}; }), errc::invalid);
    EXPECT_EQ(refusal([](create_request& r) {
                  r.host.auto_remove = true;
                  r.host.restart.name = "always";
              }),
              errc::invalid);
}

TEST(container_request, processors_and_memory_nodes_are_those_of_the_host) {
    const auto refuses = [](const char* list, const host_processors& on) {
        host_config host;
        host.cpuset_cpus = list;
        strings warnings;
        try {
            check_cgroup_limits(host, on, warnings);
        } catch (const error& e) {
            return e.category() == errc::invalid;
        }
        return false;
    };
    for (const char* good : {"", "0", "0-3", "3,1-2,0", "2-2"}) EXPECT_FALSE(refuses(good, four_processors)) << good;
    for (const char* wrong :
         {"4", "0-4", ",", "0,", ",0", "-1", "3-1", "0-x", " 0", "0,,1", "8193", "99999999999999999999"})
        EXPECT_TRUE(refuses(wrong, four_processors)) << wrong;
    EXPECT_FALSE(refuses("7", host_processors{4, "", ""})) << "nothing is known of them";
}

TEST(container_request, a_path_is_cleaned_as_go_does) {
    for (const auto& [path, clean] : std::map<std::string, std::string>{
             {"/", "/"}, {"/a/../b", "/b"}, {"/a/..", "/"}, {"/../x/", "/x"}, {"//a//b/./", "/a/b"}, {"/.", "/"}})
        EXPECT_EQ(cleaned_path(path), clean) << path;
}

TEST(sysctl_rules, only_what_the_container_has_for_itself_can_be_set) {
    for (const char* name : {"kernel.core_pattern", "kernel.shm_rmid_forced=1+kernel.core_pattern", "net/../kernel/x",
                             "net..x", "vm.swappiness", "net."}) {
        host_config host;
        host.sysctls = string_map{{name, "1"}};
        EXPECT_THROW(check_sysctls(host), error) << name;
    }
    host_config shared;
    shared.network_mode = "host";
    shared.sysctls = string_map{{"net.ipv4.ip_forward", "1"}};
    EXPECT_THROW(check_sysctls(shared), error);
    host_config good;
    good.sysctls = string_map{{"net.core.somaxconn", "10"}, {"kernel.msgmax", "1"}};
    EXPECT_NO_THROW(check_sysctls(good));
}

TEST(signal_names, names_and_numbers_are_known_in_every_spelling) {
    EXPECT_EQ(parse_signal("SIGTERM"), SIGTERM);
    EXPECT_EQ(parse_signal("kill"), SIGKILL);
    EXPECT_EQ(parse_signal("9"), 9);
    EXPECT_EQ(parse_signal("SIGRTMIN+3"), 37);
    EXPECT_EQ(parse_signal("rtmax-1"), 63);
    for (const char* wrong : {"", "0", "-1", "999", "SIGNOTHING", "RTMIN+99", "RTMIN3", "9x"})
        EXPECT_THROW(parse_signal(wrong), error) << wrong;
}

TEST(container_names, made_up_names_are_names_and_differ) {
    std::set<std::string> seen;
    for (std::uint64_t draw = 0; draw < 5000; ++draw) {
        seen.insert(made_up_name(draw * 0x9e3779b97f4a7c15, 0));
        EXPECT_TRUE(is_container_name(*seen.rbegin()));
    }
    EXPECT_GT(seen.size(), 3000u);
    EXPECT_NE(made_up_name(1, 1), made_up_name(1, 0));
}

container_ptr with_id(const std::string& id) {
    auto made = std::make_shared<container>();
    made->record.id = id;
    return made;
}

TEST(container_index, ids_names_and_unambiguous_prefixes_find_a_container) {
    container_index index;
    index.add(with_id("abc1"));
    index.add(with_id("abd2"));
    index.reserve_name("web", "abc1");
    EXPECT_EQ(index.get("abc1")->record.id, "abc1");
    EXPECT_EQ(index.get("/web")->record.id, "abc1");
    EXPECT_EQ(index.get("abd")->record.id, "abd2");
    EXPECT_EQ(index.find("x"), nullptr);
    EXPECT_EQ(index.find(""), nullptr);
    EXPECT_THROW(index.find("ab"), error);
    EXPECT_THROW(index.get("nobody"), error);
    // A name wins over the prefix of somebody else's id.
    index.reserve_name("abd", "abc1");
    EXPECT_EQ(index.get("abd")->record.id, "abc1");
}

TEST(container_index, a_name_is_taken_until_its_own_container_gives_it_back) {
    container_index index;
    index.reserve_name("web", "1");
    EXPECT_THROW(index.reserve_name("web", "2"), error);
    index.release_name("web", "2");
    EXPECT_TRUE(index.is_name_taken("web"));
    index.release_name("web", "1");
    EXPECT_NO_THROW(index.reserve_name("web", "2"));
    EXPECT_EQ(index.find("web"), nullptr); // taken, and not made yet
}

TEST(container_files, hosts_names_the_container_and_what_was_asked) {
    container_record record;
    record.config.hostname = "web";
    record.config.domain_name = "example";
    record.host.extra_hosts = strings{"db:10.0.0.1", "six=[::1]", "gate:host-gateway"};
    const std::string text = hosts_text(record, "172.17.0.2", "172.17.0.1");
    EXPECT_NE(text.find("10.0.0.1\tdb\n"), std::string::npos);
    EXPECT_NE(text.find("::1\tsix\n"), std::string::npos);
    EXPECT_NE(text.find("172.17.0.1\tgate\n"), std::string::npos);
    EXPECT_NE(text.find("172.17.0.2\tweb.example web\n"), std::string::npos);
}

TEST(container_files, a_server_that_only_the_host_reaches_is_left_out) {
    container_record record;
    const char* of_host = "# mine\nnameserver 127.0.0.53\nnameserver 9.9.9.9\nsearch lan\noptions edns0\n";
    EXPECT_EQ(resolv_conf_text(record, of_host), "nameserver 9.9.9.9\nsearch lan\noptions edns0\n");
    EXPECT_EQ(resolv_conf_text(record, "nameserver 127.0.0.53\n"), "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
    record.host.dns = strings{"1.2.3.4"};
    record.host.dns_search = strings{"."};
    EXPECT_EQ(resolv_conf_text(record, of_host), "nameserver 1.2.3.4\noptions edns0\n");
    record = {};
    record.host.network_mode = "host";
    EXPECT_EQ(resolv_conf_text(record, "nameserver 127.0.0.53\n"), "nameserver 127.0.0.53\n");
}

} // namespace
} // namespace davit
