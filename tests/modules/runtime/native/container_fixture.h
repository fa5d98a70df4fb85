#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "tests/modules/runtime/native/shim_client.h"

namespace davit::shim::testing {

struct ran {
    std::optional<shim_protocol::failure> failed;
    int code = -1;
    std::string output; ///< stdout; of a terminal all
    std::string errors;
    std::vector<shim_protocol::phase> phases;
};

/// A shim, and an image with busybox in it, in a directory of their own. Needs root.
class container_test : public ::testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    /// A plan that runs `script` with the image's shell, as a default container.
    launch_plan plan(const std::string& script);
    launch_plan plan_of(std::vector<std::string> arguments);
    ran run(const launch_plan& plan, sandbox_shape shape = {});
    shim_protocol::sandbox_template usual(sandbox_shape shape = {}) const;

    /// Runs a shell command on the host.
    static void on_host(const std::string& command);
    /// What a shell command prints on the host.
    static std::string host_says(const std::string& command);

    /// Returns when the process has ended and is reaped.
    static void await_end(int pid);

    /// The cgroups of containers and sandboxes that stay, after those that are just being removed had their time.
    std::string cgroups_left() const;

    std::string directory_; ///< Holds everything; "image" in it is the image's one layer
    std::string image_;
    std::string cgroup_parent_;
    std::unique_ptr<shim_client> shim_;
    int containers_ = 0;
};

/// Beside it a directory of the host with a secret in it, the canary, which nothing may read or change.
class canary_test : public container_test {
  protected:
    void SetUp() override;
    void TearDown() override;
    /// What of the host no container may change.
    virtual std::string host_now() const;

    std::string canary_;

  private:
    std::string before_;
};

} // namespace davit::shim::testing
