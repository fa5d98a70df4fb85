#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <mbedtls/oid.h>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/semaphore.h"
#include "io/offload.h"
#include "io/tls_context.h"

namespace davit::io {

namespace {

constexpr std::size_t input_size = 16 * 1024 + 512;  // a record and its overhead
constexpr std::size_t record_size = 16 * 1024;       // RFC 8446 §5.1
constexpr std::size_t most_unsent = 4 * record_size; // encrypted before it is handed on

/// RFC 8446 §6.2, those that a user can do something about.
std::string_view alert_text(unsigned char alert) noexcept {
    switch (alert) {
    case MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE:
        return "no common algorithms or versions";
    case MBEDTLS_SSL_ALERT_MSG_BAD_CERT:
        return "our certificate is not valid";
    case MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT:
        return "our certificate is of a kind or purpose that it does not take";
    case MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED:
        return "our certificate was revoked";
    case MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED:
        return "our certificate has expired";
    case MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN:
        return "our certificate is not acceptable";
    case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA:
        return "our certificate's authority is not known to it";
    case MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED:
        return "access is denied";
    case MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION:
        return "it speaks no version of TLS that we do";
    case MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL:
        return "it does not speak HTTP/1.1";
    case MBEDTLS_SSL_ALERT_MSG_UNRECOGNIZED_NAME:
        return "it does not know that name";
    case 116:
        return "it wants a client certificate, and we have sent none";
    default:
        return {};
    }
}

bool is_about_certificate(unsigned char alert) noexcept {
    return (alert >= MBEDTLS_SSL_ALERT_MSG_NO_CERT && alert <= MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED) || alert == 116;
}

/// The reasons why a certificate was not accepted, on one line.
std::string verification_text(std::uint32_t flags) {
    std::array<char, 1024> text{};
    mbedtls_x509_crt_verify_info(text.data(), text.size(), "", flags);
    std::string line{text.data()};
    while (!line.empty() && line.back() == '\n') line.pop_back();
    std::ranges::replace(line, '\n', ';');
    return line;
}

/// The bytes of an IP literal in network order; nothing of what is none.
std::string address_bytes(const std::string& host) {
    std::array<char, 16> bytes{};
    if (::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) return {bytes.data(), 4};
    if (::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1) return {bytes.data(), 16};
    return {};
}

/// Whether the certificate has that iPAddress (RFC 5280 §4.2.1.6) among its subject alternative names.
bool has_address(const mbedtls_x509_crt& certificate, std::string_view address) {
    for (const mbedtls_x509_sequence* name = &certificate.subject_alt_names; name; name = name->next) {
        const mbedtls_x509_buf& value = name->buf;
        const bool is_address = value.tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_IP_ADDRESS);
        if (is_address && std::string_view{reinterpret_cast<const char*>(value.p), value.len} == address) return true;
    }
    return false;
}

class tls_session final : public stream {
  public:
    tls_session(tls_context_ptr context, stream_ptr transport, std::string peer)
        : context_{std::move(context)}, transport_{std::move(transport)}, peer_{std::move(peer)} {
        mbedtls_ssl_init(&ssl_);
        if (const int failed = mbedtls_ssl_setup(&ssl_, &context_->config())) {
            mbedtls_ssl_free(&ssl_);
            throw error(errc::internal, "setting up TLS with {}: {}", peer_, tls_error_text(failed));
        }
        mbedtls_ssl_set_bio(&ssl_, this, &send, &receive, nullptr);
    }
    tls_session(const tls_session&) = delete;
    tls_session& operator=(const tls_session&) = delete;
    ~tls_session() override { mbedtls_ssl_free(&ssl_); }

    /// The name or address that the server's certificate must have.
    void expect_server(const std::string& name) {
        address_ = address_bytes(name);
        mbedtls_ssl_set_verify(&ssl_, &check_alternative_names, this);
        // An address is not sent (RFC 6066 §3), so mbedTLS must not know it, and the check is ours.
        if (const int failed = mbedtls_ssl_set_hostname(&ssl_, address_.empty() ? name.c_str() : nullptr))
            throw error(errc::invalid, "\"{}\" can't be the name of a TLS server: {}", peer_, tls_error_text(failed));
    }

    task<void> handshake() {
        for (;;) {
            const int result = co_await offload([this] { return mbedtls_ssl_handshake(&ssl_); });
            co_await flush_last_words(result);
            if (result == 0) co_return;
            if (result != MBEDTLS_ERR_SSL_WANT_READ) throw_failure(result);
            co_await fill();
        }
    }

    task<std::size_t> read(bytes into) override {
        for (;;) {
            const int got = mbedtls_ssl_read(&ssl_, reinterpret_cast<unsigned char*>(into.data()), into.size());
            if (got > 0) {
                has_received_ = true;
                co_return static_cast<std::size_t>(got);
            }
            if (got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) co_return 0;
            if (got == 0) throw_failure(MBEDTLS_ERR_SSL_CONN_EOF); // mbedTLS's word for an end that nobody announced
            if (got == MBEDTLS_ERR_SSL_WANT_READ)
                co_await fill();
            else if (got != MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
                throw_failure(got);
        }
    }

    task<void> write(const_bytes from) override { co_await write_parts({&from, 1}); }

    task<void> write_parts(std::span<const const_bytes> parts) override {
        const auto turn = co_await writing_.acquire();
        // Small parts share a record: a head and its body, a chunk and its size.
        std::vector<std::byte> gathered;
        for (const_bytes part : parts) {
            if (gathered.size() + part.size() <= record_size) {
                gathered.insert(gathered.end(), part.begin(), part.end());
                continue;
            }
            co_await encrypt(gathered);
            gathered.clear();
            co_await encrypt(part);
        }
        co_await encrypt(gathered);
        co_await flush();
    }

    /// The peer hears that nothing more comes; the transport stays open for what it still sends.
    task<void> shutdown_write() override {
        const auto turn = co_await writing_.acquire();
        mbedtls_ssl_close_notify(&ssl_);
        co_await flush();
    }

    bool has_lost_peer() const noexcept override { return transport_->has_lost_peer(); }

  private:
    // mbedTLS's input and output are memory: the handshake runs on a worker, and no call of it ever waits.
    static int send(void* self, const unsigned char* data, std::size_t size) {
        static_cast<tls_session*>(self)->output_.append(reinterpret_cast<const char*>(data), size);
        return static_cast<int>(size);
    }

    static int receive(void* self, unsigned char* to, std::size_t size) {
        auto& s = *static_cast<tls_session*>(self);
        if (s.input_begin_ == s.input_end_) return s.transport_ended_ ? 0 : MBEDTLS_ERR_SSL_WANT_READ;
        size = std::min(size, s.input_end_ - s.input_begin_);
        std::memcpy(to, s.input_.data() + s.input_begin_, size);
        s.input_begin_ += size;
        return static_cast<int>(size);
    }

    /// A name counts only as a subject alternative name: the common name is no longer a host name (RFC 9525).
    static int check_alternative_names(void* self, mbedtls_x509_crt* certificate, int depth, std::uint32_t* flags) {
        const std::string& address = static_cast<tls_session*>(self)->address_;
        const bool has_names = mbedtls_x509_crt_has_ext_type(certificate, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME);
        if (depth == 0 && (!has_names || (!address.empty() && !has_address(*certificate, address))))
            *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
        return 0;
    }

    task<void> fill() {
        if (input_.empty()) input_.resize(input_size);
        // mbedTLS asks for more only when it has used all.
        input_begin_ = input_end_ = 0;
        input_end_ = co_await transport_->read(input_);
        transport_ended_ = input_end_ == 0;
    }

    task<void> encrypt(const_bytes from) {
        while (!from.empty()) {
            const int put = mbedtls_ssl_write(&ssl_, reinterpret_cast<const unsigned char*>(from.data()), from.size());
            if (put < 0) throw_failure(put);
            from = from.subspan(static_cast<std::size_t>(put));
            if (output_.size() >= most_unsent) co_await flush();
        }
    }

    task<void> flush() {
        if (is_broken_) throw error(errc::unavailable, "the TLS session with {} was broken off", peer_);
        if (output_.empty()) co_return;
        is_broken_ = true; // unless all of it goes out: half a record leaves the peer without the next
        const std::string sending = std::exchange(output_, {});
        co_await transport_->write(as_bytes(sending));
        is_broken_ = false;
    }

    /// After a failure only an alert is sent, and the failure counts more than that the peer can't be told.
    task<void> flush_last_words(int result) {
        const bool has_failed = result != 0 && result != MBEDTLS_ERR_SSL_WANT_READ;
        try {
            co_await flush();
        } catch (const error& e) {
            if (!has_failed || e.category() == errc::cancelled) throw;
        }
    }

    [[noreturn]] void throw_failure(int number) {
        if (number == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED || number == MBEDTLS_ERR_SSL_BAD_CERTIFICATE) {
            const std::uint32_t flags = mbedtls_ssl_get_verify_result(&ssl_);
            throw error(errc::denied, "the certificate of {} is not accepted: {}", peer_,
                        flags != 0 && flags != 0xFFFFFFFF ? verification_text(flags) : tls_error_text(number));
        }
        if (number == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE)
            throw error(errc::denied, "{} has sent no certificate", peer_);
        if (number == MBEDTLS_ERR_SSL_CONN_EOF)
            throw error(errc::unavailable, "{} has closed the connection without ending its TLS session", peer_);
        if (number == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
            // The alert itself is in the record that was read last.
            const unsigned char alert = ssl_.MBEDTLS_PRIVATE(in_msg)[1];
            const std::string_view why = alert_text(alert);
            const errc category = is_about_certificate(alert) ? errc::denied : errc::unavailable;
            if (why.empty()) throw error(category, "{} has refused the TLS session (alert {})", peer_, alert);
            throw error(category, "{} has refused the TLS session: {}", peer_, why);
        }
        // mbedTLS's server encrypts an alert about the client's certificate with keys that the client has left already.
        if (number == MBEDTLS_ERR_SSL_INVALID_MAC && !has_received_)
            throw error(errc::unavailable,
                        "{} has broken off the TLS session; it may want a client certificate, or another one", peer_);
        throw error(errc::unavailable, "TLS with {} has failed: {}", peer_, tls_error_text(number));
    }

    tls_context_ptr context_;
    stream_ptr transport_;
    std::string peer_;    // for error texts
    std::string address_; // that the certificate must have, in network byte order; empty when it is a name
    mbedtls_ssl_context ssl_;
    semaphore writing_{1};
    std::vector<std::byte> input_; // encrypted bytes that mbedTLS has not used yet
    std::size_t input_begin_ = 0;
    std::size_t input_end_ = 0;
    bool transport_ended_ = false;
    bool is_broken_ = false;
    bool has_received_ = false; // anything since the handshake
    std::string output_;        // encrypted bytes that the transport has not got yet
};

} // namespace

task<stream_ptr> tls_connect(tls_context_ptr context, stream_ptr transport, std::string server_name) {
    auto session = std::make_unique<tls_session>(std::move(context), std::move(transport), server_name);
    session->expect_server(server_name);
    co_await session->handshake();
    co_return session;
}

task<stream_ptr> tls_accept(tls_context_ptr context, stream_ptr transport) {
    auto session = std::make_unique<tls_session>(std::move(context), std::move(transport), "the client");
    co_await session->handshake();
    co_return session;
}

} // namespace davit::io
