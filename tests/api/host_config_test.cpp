#include "api/types/host_config.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "io/json.h"

namespace davit::api {
namespace {

TEST(wire_host_config, writes_each_key_once) {
    struct counted {
        std::set<std::string> keys;
        std::size_t written = 0;
    } found;
    const std::string text = io::to_json(wire_host_config{});
    io::read_json(text, "the host configuration", &found,
                  [](void* to, io::json_value& from) {
                      auto& count = *static_cast<counted*>(to);
                      from.each_field([&](std::string_view key, io::json_value&) {
                          ++count.written;
                          count.keys.emplace(key);
                      });
                  },
                  {});
    EXPECT_GT(found.written, 40u);
    EXPECT_EQ(found.keys.size(), found.written);
}

} // namespace
} // namespace davit::api
