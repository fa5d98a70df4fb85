#pragma once

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <string>

#include "io/tls.h"

namespace davit::io {

/// What tls.h keeps to itself, because of mbedTLS's headers.
class tls_context {
  public:
    explicit tls_context(const tls_client_options& options);
    explicit tls_context(const tls_server_options& options);
    tls_context(const tls_context&) = delete;
    tls_context& operator=(const tls_context&) = delete;
    ~tls_context();

    const mbedtls_ssl_config& config() const noexcept { return config_; }

  private:
    tls_context();
    void begin(int endpoint);
    void load_own_certificate(const std::string& certificate_file, const std::string& key_file);
    void load_authorities(const std::string& file);
    void load_system_authorities();

    mbedtls_ssl_config config_;
    mbedtls_x509_crt authorities_;
    mbedtls_x509_crt own_;
    mbedtls_pk_context key_;
};

/// mbedTLS's words for one of its error numbers.
std::string tls_error_text(int number);

} // namespace davit::io
