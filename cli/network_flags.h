#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/types/container_create.h"
#include "cli/flags.h"

namespace davit::cli {

/// The networks that a container joins: --network, whose values may say all of one place ("name=X,alias=…,ip=…"), and
/// the flags that say the same of the place in the first network.
class network_flags {
  public:
    void declare(flag_set& flags);
    /// Errors: invalid for flags that contradict each other, in docker's words.
    void fill(api::create_body& body) const;

  private:
    using texts = std::vector<std::string>;
    struct place {
        std::string network, ip, ip6, mac_address;
        texts aliases, link_local_addresses, links;
        string_map driver_options;
        std::int64_t gateway_priority = 0;
    };
    static place parse(const std::string& text);
    static void read_field(place& of, const std::string& field);
    static api::endpoint_settings settings_of(const place& of);
    /// `of` with what the other flags say.
    place completed(place of) const;

    std::vector<place> places_;
    place further_; ///< What the other flags say of the first place
};

} // namespace davit::cli
