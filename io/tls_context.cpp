#include "io/tls_context.h"

#include <array>
#include <cerrno>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mutex>
#include <psa/crypto.h>

#include "core/error.h"
#include "io/offload.h"

namespace davit::io {

namespace {

/// Where distributions keep the bundle: Debian, Fedora, Alpine.
constexpr std::array system_bundles{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                    "/etc/ssl/cert.pem"};

const char* protocols[] = {"http/1.1", nullptr}; // mbedTLS keeps the pointer

/// Forward secrecy and authenticated encryption only; AES first, because processors do it themselves.
constexpr int cipher_suites[] = {MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                                 MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
                                 MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
                                 MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                 MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                                 MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                 MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                                 MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                                 MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                                 0};

void start_crypto_once() {
    static std::once_flag done;
    std::call_once(done, [] {
        if (psa_crypto_init() != PSA_SUCCESS) throw error(errc::internal, "the cryptographic library can't be started");
    });
}

int random_bytes(void*, unsigned char* to, std::size_t size) {
    return psa_generate_random(to, size) == PSA_SUCCESS ? 0 : MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
}

/// A failed read or parse of `file`; `number` is mbedTLS's, errno is the system's.
[[noreturn]] void throw_file_error(const std::string& file, const char* what, int number) {
    if (number == MBEDTLS_ERR_X509_FILE_IO_ERROR || number == MBEDTLS_ERR_PK_FILE_IO_ERROR)
        throw error::system(errno ? errno : EIO, "reading the {} {}", what, file);
    throw error(errc::invalid, "the {} {} can't be used: {}", what, file, tls_error_text(number));
}

} // namespace

std::string tls_error_text(int number) {
    std::array<char, 160> text{};
    mbedtls_strerror(number, text.data(), text.size());
    return text.data();
}

tls_context::tls_context() {
    mbedtls_ssl_config_init(&config_);
    mbedtls_x509_crt_init(&authorities_);
    mbedtls_x509_crt_init(&own_);
    mbedtls_pk_init(&key_);
}

tls_context::~tls_context() {
    mbedtls_ssl_config_free(&config_);
    mbedtls_x509_crt_free(&authorities_);
    mbedtls_x509_crt_free(&own_);
    mbedtls_pk_free(&key_);
}

void tls_context::begin(int endpoint) {
    start_crypto_once();
    if (const int failed =
            mbedtls_ssl_config_defaults(&config_, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT))
        throw error(errc::internal, "making a TLS configuration: {}", tls_error_text(failed));
    mbedtls_ssl_conf_min_tls_version(&config_, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(&config_, MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_rng(&config_, random_bytes, nullptr);
    mbedtls_ssl_conf_ciphersuites(&config_, cipher_suites);
    mbedtls_ssl_conf_alpn_protocols(&config_, protocols);
}

// The delegated constructor has made the object whole, so that the destructor frees what an error below leaves.
tls_context::tls_context(const tls_client_options& options) : tls_context{} {
    begin(MBEDTLS_SSL_IS_CLIENT);
    mbedtls_ssl_conf_authmode(&config_, options.is_insecure ? MBEDTLS_SSL_VERIFY_NONE : MBEDTLS_SSL_VERIFY_REQUIRED);
    for (const std::string& file : options.authority_files) load_authorities(file);
    if (options.authority_files.empty() || options.with_system_authorities) load_system_authorities();
    mbedtls_ssl_conf_ca_chain(&config_, &authorities_, nullptr);
    if (!options.certificate_file.empty() || !options.key_file.empty())
        load_own_certificate(options.certificate_file, options.key_file);
}

tls_context::tls_context(const tls_server_options& options) : tls_context{} {
    begin(MBEDTLS_SSL_IS_SERVER);
    load_own_certificate(options.certificate_file, options.key_file);
    if (options.client_authority_file.empty()) {
        mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_NONE);
    } else {
        load_authorities(options.client_authority_file);
        mbedtls_ssl_conf_ca_chain(&config_, &authorities_, nullptr);
        mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_REQUIRED);
    }
}

void tls_context::load_own_certificate(const std::string& certificate_file, const std::string& key_file) {
    errno = 0;
    if (const int failed = mbedtls_x509_crt_parse_file(&own_, certificate_file.c_str()))
        throw_file_error(certificate_file, "certificate", failed);
    if (const int failed = mbedtls_pk_parse_keyfile(&key_, key_file.c_str(), nullptr, random_bytes, nullptr))
        throw_file_error(key_file, "key", failed);
    if (mbedtls_pk_check_pair(&own_.pk, &key_, random_bytes, nullptr))
        throw error(errc::invalid, "the key {} does not belong to the certificate {}", key_file, certificate_file);
    if (const int failed = mbedtls_ssl_conf_own_cert(&config_, &own_, &key_))
        throw_file_error(certificate_file, "certificate", failed);
}

void tls_context::load_authorities(const std::string& file) {
    errno = 0;
    // A positive result is the number of certificates in the file that could not be read.
    if (const int failed = mbedtls_x509_crt_parse_file(&authorities_, file.c_str())) {
        if (failed > 0) throw error(errc::invalid, "{} of the certificates in {} can't be read", failed, file);
        throw_file_error(file, "authority certificate", failed);
    }
}

void tls_context::load_system_authorities() {
    // A bundle with some certificates of a kind that mbedTLS does not know is of use all the same.
    for (const char* file : system_bundles)
        if (mbedtls_x509_crt_parse_file(&authorities_, file) >= 0) return;
}

task<tls_context_ptr> make_tls_context(tls_client_options options) {
    co_return co_await offload([&]() -> tls_context_ptr { return std::make_shared<tls_context>(options); });
}

task<tls_context_ptr> make_tls_context(tls_server_options options) {
    co_return co_await offload([&]() -> tls_context_ptr { return std::make_shared<tls_context>(options); });
}

} // namespace davit::io
