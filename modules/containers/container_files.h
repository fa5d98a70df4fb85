#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/container_service.h"

namespace davit {

/// The files that the engine makes for a container and mounts into it: hosts, hostname, resolv.conf. They lie in the
/// container's directory, <data-root>/containers/<id>. All functions that touch the disk are for a worker.
struct container_files {
    std::string hosts;
    std::string hostname;
    std::string resolv_conf;
};

/// /etc/hosts: loopback, the extra hosts of the request, and the container's own name where it has an address.
/// `host_gateway` is what "host-gateway" stands for.
std::string hosts_text(const container_record& of, std::string_view address, std::string_view host_gateway);
/// /etc/hostname
std::string hostname_text(const container_record& of);
/// /etc/resolv.conf from the host's own: servers that only the host can reach are left out, unless the container is on
/// the host's network; the request's DNS settings replace the parts that they name.
std::string resolv_conf_text(const container_record& of, std::string_view of_host);

/// Makes the directory (0710) and the files (0644). The directory must not exist.
void make_container_files(const std::string& directory, const container_files& files);
/// Whether that was done, to its end.
bool has_container_files(const std::string& directory);
/// Replaces hosts, in place: the file that is mounted stays the same one.
void rewrite_hosts(const std::string& directory, const std::string& hosts);
/// The host's file of that name; empty when it can't be read.
std::string read_host_file(const char* path);

} // namespace davit
