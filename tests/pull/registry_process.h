#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

namespace davit {

/// Runs a program to its end; its exit status. Output goes to standard error.
int run_program(const std::vector<std::string>& arguments);

/// Debian's docker-registry on a free port of loopback, with its files below a directory of the test's.
class registry_process {
  public:
    explicit registry_process(std::filesystem::path directory);
    ~registry_process();
    registry_process(const registry_process&) = delete;
    registry_process& operator=(const registry_process&) = delete;

    std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
    /// Pushes the image "latest" of an OCI layout with skopeo.
    void push(const std::filesystem::path& layout, const std::string& name, const std::string& format = "oci") const;

  private:
    std::filesystem::path directory_;
    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
};

} // namespace davit
