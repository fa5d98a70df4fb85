#pragma once

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "tests/io/io_testing.h"

namespace davit::io {

/// Certificates for TLS tests, made by the openssl program: PEM files NAME.crt and NAME.key.
class certificates {
  public:
    certificates() {
        make_authority("ca");
        make_authority("other-ca");
        make("server", "ca", "serverAuth", "DNS:localhost,IP:127.0.0.1");
        make("client", "ca", "clientAuth", {});
    }

    std::string operator/(const std::string& file) const { return directory_ / file; }

    /// Signed by `authority`, with an extended key usage and subject alternative names (none when empty).
    void make(const std::string& name, const std::string& authority, const std::string& purpose,
              const std::string& alternative_names, const std::string& lifetime = "-days 2") {
        std::string extensions = "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=" + purpose + "\n";
        if (!alternative_names.empty()) extensions += "subjectAltName=" + alternative_names + "\n";
        run("printf '" + extensions + "' > " + name + ".ext && openssl ecparam -name prime256v1 -genkey -noout -out " +
            name + ".key && openssl req -new -key " + name + ".key -subj /CN=localhost -out " + name +
            ".csr && openssl x509 -req -in " + name + ".csr -CA " + authority + ".crt -CAkey " + authority +
            ".key -CAcreateserial -extfile " + name + ".ext " + lifetime + " -out " + name + ".crt");
    }

  private:
    void make_authority(const std::string& name) {
        run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=" + name +
            "' -keyout " + name + ".key -out " + name + ".crt");
    }
    void run(const std::string& commands) {
        const std::string line = "cd " + directory_.path().string() + " && { " + commands + "; } > log 2>&1";
        EXPECT_EQ(std::system(line.c_str()), 0) << commands;
    }

    scratch_directory directory_;
};

} // namespace davit::io
