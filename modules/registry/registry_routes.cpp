#include "modules/registry/registry_routes.h"

#include <algorithm>
#include <charconv>
#include <unistd.h>

#include "core/image.h"
#include "core/reference.h"
#include "io/json.h"
#include "io/offload.h"
#include "io/repeated_keys.h"
#include "modules/registry/registry_errors.h"
#include "modules/registry/registry_names.h"

namespace davit {

namespace {

constexpr std::size_t page_limit = 1000;
constexpr std::size_t block_size = 256u << 10;

struct tag_list {
    std::string name;
    std::vector<std::string> tags;
};
struct repository_list {
    std::vector<std::string> repositories;
};

digest parse_digest(std::string_view text) {
    if (!digest::is_valid(text)) throw registry_error(400, "DIGEST_INVALID", fmt::format("\"{}\" is no digest", text));
    return digest::parse(text);
}

std::size_t page_size(const io::url_query& query) {
    const auto asked = query.find("n");
    if (!asked) return page_limit;
    std::uint32_t parsed = 0;
    const auto [end, failed] = std::from_chars(asked->data(), asked->data() + asked->size(), parsed);
    if (failed != std::errc{} || end != asked->data() + asked->size())
        throw registry_error(400, "PAGINATION_NUMBER_INVALID", fmt::format("\"{}\" is no page size", *asked));
    return std::min<std::size_t>(parsed, page_limit);
}

io::http_response_head answer(unsigned status) {
    io::http_response_head head;
    head.status = status;
    head.headers.add("Docker-Distribution-Api-Version", "registry/2.0");
    head.headers.add("X-Content-Type-Options", "nosniff");
    return head;
}

io::http_response_head created(const std::string& location, const digest& of) {
    auto head = answer(201);
    head.headers.add("Location", location);
    head.headers.add("Docker-Content-Digest", of.text());
    return head;
}

/// The digests that a manifest or an index needs to be whole.
std::vector<digest> named_by(const manifest_document& document) {
    std::vector<digest> named;
    if (document.config) named.push_back(parse_digest(document.config->digest_text));
    for (const auto* list : {&document.layers, &document.manifests})
        if (*list)
            for (const content_descriptor& part : **list) named.push_back(parse_digest(part.digest_text));
    return named;
}

/// "bytes=FIRST-" or "bytes=FIRST-LAST" (RFC 9110 §14.2); other forms are answered in full.
struct byte_range {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    bool is_partial = false;
};

byte_range parse_range(std::string_view header, std::uint64_t size) {
    byte_range whole{0, size, false};
    if (!header.starts_with("bytes=")) return whole;
    header.remove_prefix(6);
    byte_range asked{0, size, true};
    const char* const end = header.data() + header.size();
    const auto [dash, failed] = std::from_chars(header.data(), end, asked.first);
    if (failed != std::errc{} || dash == end || *dash != '-') return whole;
    if (dash + 1 != end) {
        std::uint64_t last = 0;
        const auto [rest, wrong] = std::from_chars(dash + 1, end, last);
        if (wrong != std::errc{} || rest != end) return whole;
        asked.end = std::min(size, last + 1);
    }
    if (asked.first >= asked.end)
        throw registry_error(416, "RANGE_INVALID", fmt::format("the blob has {} bytes", size));
    return asked;
}

} // namespace

template <> struct fields_of<tag_list> {
    static constexpr auto list = field_list{field("name", &tag_list::name), field("tags", &tag_list::tags)};
};
template <> struct fields_of<repository_list> {
    static constexpr auto list = field_list{field("repositories", &repository_list::repositories)};
};

void registry_routes::allow_host(const std::string& host, std::uint16_t port) {
    for (const std::string& name : {host, std::string{"localhost"}, std::string{"127.0.0.1"}, std::string{"[::1]"}})
        allowed_hosts_.push_back(fmt::format("{}:{}", name, port));
}

io::http_server_options registry_routes::server_options() {
    io::http_server_options options;
    options.body_bytes = UINT64_MAX; // each route has its own bound
    options.describe_failure = [](unsigned status, const error& failure) {
        return refusal_of(failure, status).response();
    };
    return options;
}

task<void> registry_routes::handle(io::http_exchange& exchange) {
    std::optional<io::http_response> refusal;
    try {
        co_await dispatch(exchange);
    } catch (const registry_error& e) {
        if (exchange.has_answered()) throw;
        refusal = e.response();
    } catch (const io::http_error&) {
        throw; // the server answers its own limits, and then ends the connection
    } catch (const error& e) {
        if (exchange.has_answered() || e.category() == errc::cancelled) throw;
        refusal = refusal_of(e).response();
    }
    if (refusal) co_await exchange.respond(std::move(refusal->head), std::move(refusal->body));
}

task<void> registry_routes::dispatch(io::http_exchange& exchange) {
    const std::string_view host = exchange.head().headers.get("Host");
    if (std::find(allowed_hosts_.begin(), allowed_hosts_.end(), host) == allowed_hosts_.end())
        throw registry_error(403, "DENIED", fmt::format("this registry is not called \"{}\"", host));

    const io::request_target target = io::split_target(exchange.head().target);
    const io::url_query query = io::url_query::parse(target.query);
    std::string_view path = target.path;
    if (path == "/v2" || path == "/v2/") {
        auto head = answer(200);
        head.headers.add("Content-Type", "application/json");
        co_await exchange.respond(std::move(head), "{}");
        co_return;
    }
    if (path == "/v2/_catalog") {
        co_await list_repositories(exchange, query);
        co_return;
    }
    if (path.starts_with("/v2/"))
        for (const std::string_view word : {"/blobs/uploads/", "/blobs/", "/manifests/", "/tags/"}) {
            const std::size_t at = path.rfind(word);
            if (at == std::string_view::npos || at < 4) continue;
            // Names are checked as they stand: nothing is decoded, so nothing can hide behind a percent sign.
            request asked{exchange, std::string{path.substr(4, at - 4)}, std::string{word},
                          std::string{path.substr(at + word.size())}, query};
            if (!is_repository_name(asked.repository))
                throw registry_error(400, "NAME_INVALID",
                                     fmt::format("\"{}\" is no repository name", asked.repository));
            if (word == "/blobs/uploads/")
                co_await (asked.item.empty() ? begin_upload(asked) : go_on_with_upload(asked));
            else if (word == "/blobs/")
                co_await blob(asked);
            else if (word == "/manifests/")
                co_await manifest(asked);
            else
                co_await list_tags(asked);
            co_return;
        }
    throw registry_error(404, "UNSUPPORTED", "there is nothing at this path");
}

task<void> registry_routes::blob(request& asked) {
    const digest of = parse_digest(asked.item);
    const io::http_method method = asked.exchange.head().method;
    if (method != io::http_method::get && method != io::http_method::head)
        throw registry_error(405, "UNSUPPORTED", "blobs can only be read; this registry deletes nothing");
    auto found = co_await storage_.find_blob(asked.repository, of);
    if (!found)
        throw registry_error(404, "BLOB_UNKNOWN", fmt::format("{} has no blob {}", asked.repository, of.text()));
    co_await send_blob(asked, std::move(*found), of);
}

task<void> registry_routes::send_blob(request& asked, stored_blob found, digest of) {
    const byte_range range = parse_range(asked.exchange.head().headers.get("Range"), found.size);
    auto head = answer(range.is_partial ? 206 : 200);
    head.headers.add("Content-Type", "application/octet-stream");
    head.headers.add("Accept-Ranges", "bytes");
    head.headers.add("Docker-Content-Digest", of.text());
    if (range.is_partial)
        head.headers.add("Content-Range", fmt::format("bytes {}-{}/{}", range.first, range.end - 1, found.size));
    head.headers.add("Content-Length", std::to_string(range.end - range.first));
    auto writer = co_await asked.exchange.begin_stream(std::move(head));
    if (asked.exchange.head().method == io::http_method::head) {
        co_await writer.finish();
        co_return;
    }
    std::string block(std::min<std::uint64_t>(block_size, range.end - range.first), '\0');
    for (std::uint64_t at = range.first; at < range.end;) {
        const std::size_t wanted = std::min<std::uint64_t>(block.size(), range.end - at);
        const ssize_t got = co_await io::offload(
            [&] { return ::pread(found.file.get(), block.data(), wanted, static_cast<off_t>(at)); });
        if (got <= 0) throw error(errc::internal, "the blob {} ends after {} of {} bytes", of.text(), at, found.size);
        co_await writer.write(std::string_view{block}.substr(0, static_cast<std::size_t>(got)));
        at += static_cast<std::uint64_t>(got);
    }
    co_await writer.finish();
}

task<void> registry_routes::begin_upload(request& asked) {
    if (asked.exchange.head().method != io::http_method::post)
        throw registry_error(405, "UNSUPPORTED", "an upload begins with POST");
    if (const auto mounted = asked.query.find("mount")) {
        const digest of = parse_digest(*mounted);
        const std::string from{asked.query.find("from").value_or("")};
        const bool is_mounted =
            is_repository_name(from) ? co_await storage_.mount_blob(asked.repository, from, of) : false;
        if (is_mounted) {
            co_await asked.exchange.respond(created(fmt::format("/v2/{}/blobs/{}", asked.repository, of.text()), of));
            co_return;
        }
    }
    auto session = co_await uploads_.begin(asked.repository);
    if (asked.query.find("digest")) {
        // Nobody is told its id: whatever comes of it, it ends with this request.
        struct ending {
            upload_sessions& of;
            std::string id;
            ~ending() { of.drop(id); }
        } const with_this_request{uploads_, session->id()};
        co_await finish_upload(asked, std::move(session));
        co_return;
    }
    auto head = answer(202);
    head.headers.add("Location", fmt::format("/v2/{}/blobs/uploads/{}", asked.repository, session->id()));
    head.headers.add("Docker-Upload-UUID", session->id());
    head.headers.add("Range", "0-0");
    co_await asked.exchange.respond(std::move(head));
}

task<void> registry_routes::go_on_with_upload(request& asked) {
    std::shared_ptr<upload_session> session;
    if (is_upload_id(asked.item)) session = uploads_.find(asked.item, asked.repository);
    if (!session)
        throw registry_error(404, "BLOB_UPLOAD_UNKNOWN", fmt::format("{} has no upload of that id", asked.repository));
    const io::http_method method = asked.exchange.head().method;
    if (method == io::http_method::put) {
        co_await finish_upload(asked, std::move(session));
        co_return;
    }
    if (method == io::http_method::del) {
        uploads_.drop(session->id());
        co_await asked.exchange.respond(answer(204));
        co_return;
    }
    if (method != io::http_method::patch && method != io::http_method::get)
        throw registry_error(405, "UNSUPPORTED", "an upload goes on with PATCH and ends with PUT");
    if (method == io::http_method::patch) co_await take_in(asked, session);
    auto head = answer(method == io::http_method::get ? 204 : 202);
    head.headers.add("Location", fmt::format("/v2/{}/blobs/uploads/{}", asked.repository, session->id()));
    head.headers.add("Docker-Upload-UUID", session->id());
    head.headers.add("Range", fmt::format("0-{}", session->size() == 0 ? 0 : session->size() - 1));
    co_await asked.exchange.respond(std::move(head));
}

task<void> registry_routes::take_in(request& asked, std::shared_ptr<upload_session> session) {
    try {
        co_await receive(asked, *session);
    } catch (const error& e) {
        // What is there of it would lie in everybody's way until it expires.
        if (e.category() == errc::too_large || is_full_disk(e)) uploads_.drop(session->id());
        throw;
    }
}

task<void> registry_routes::receive(request& asked, upload_session& session) {
    if (session.is_busy) throw registry_error(416, "BLOB_UPLOAD_INVALID", "another request writes to this upload");
    if (const auto range = asked.exchange.head().headers.find("Content-Range")) {
        std::uint64_t first = 0;
        std::from_chars(range->data(), range->data() + range->size(), first);
        if (first != session.size())
            throw registry_error(416, "BLOB_UPLOAD_INVALID", fmt::format("the upload goes on at {}", session.size()));
    }
    struct busy_mark {
        upload_session& of;
        explicit busy_mark(upload_session& s) : of{s} { of.is_busy = true; }
        ~busy_mark() { of.is_busy = false; }
    } const mark{session};
    asked.exchange.limit_body(longest_blob_ - session.size());
    std::vector<std::byte> block(block_size);
    while (true) {
        std::size_t filled = 0;
        while (filled < block.size()) {
            const std::size_t got = co_await asked.exchange.read(io::bytes{block}.subspan(filled));
            if (got == 0) break;
            filled += got;
        }
        if (filled == 0) co_return;
        co_await session.append(io::const_bytes{block}.first(filled));
    }
}

task<void> registry_routes::finish_upload(request& asked, std::shared_ptr<upload_session> session) {
    const digest expected = parse_digest(asked.query.find("digest").value_or(""));
    co_await take_in(asked, session);
    uploads_.drop(session->id()); // nobody else may write to it
    const digest found = co_await session->finish();
    if (found != expected)
        throw registry_error(400, "DIGEST_INVALID",
                             fmt::format("the upload has the digest {}, not {}", found.text(), expected.text()));
    co_await storage_.commit_upload(asked.repository, session->id(), found);
    session->committed();
    co_await asked.exchange.respond(created(fmt::format("/v2/{}/blobs/{}", asked.repository, found.text()), found));
}

task<void> registry_routes::manifest(request& asked) {
    const io::http_method method = asked.exchange.head().method;
    if (method == io::http_method::put) {
        co_await put_manifest(asked);
        co_return;
    }
    if (method != io::http_method::get && method != io::http_method::head)
        throw registry_error(405, "UNSUPPORTED", "this registry deletes nothing");
    std::optional<stored_manifest> found;
    if (digest::is_valid(asked.item))
        found = co_await storage_.find_manifest(asked.repository, digest::parse(asked.item));
    else if (is_tag(asked.item))
        found = co_await storage_.find_manifest(asked.repository, asked.item);
    if (!found) throw registry_error(404, "MANIFEST_UNKNOWN", fmt::format("{} has no such manifest", asked.repository));
    auto head = answer(200);
    head.headers.add("Content-Type", found->media_type);
    head.headers.add("Docker-Content-Digest", found->of.text());
    co_await asked.exchange.respond(std::move(head), std::move(found->bytes));
}

task<void> registry_routes::put_manifest(request& asked) {
    const bool is_by_digest = digest::is_valid(asked.item);
    if (!is_by_digest && !is_tag(asked.item))
        throw registry_error(400, "TAG_INVALID", fmt::format("\"{}\" is neither a tag nor a digest", asked.item));
    const std::string media_type{asked.exchange.head().headers.get("Content-Type")};
    if (media_type.empty()) throw registry_error(400, "MANIFEST_INVALID", "a manifest needs its Content-Type");
    if (media_type.size() > registry_storage::longest_media_type)
        throw registry_error(400, "MANIFEST_INVALID", "the manifest's Content-Type is too long");
    std::string bytes = co_await asked.exchange.read_all(registry_storage::manifest_limit);
    io::sha256 hash;
    hash.update(bytes);
    const digest of = digest::of_sha256(hash.finish());
    if (is_by_digest && of != digest::parse(asked.item))
        throw registry_error(400, "DIGEST_INVALID", fmt::format("the manifest has the digest {}", of.text()));

    io::refuse_repeated_keys(bytes, "the manifest");
    const auto document = io::parse<manifest_document>(bytes, "the manifest");
    if (!document.media_type.empty() && document.media_type != media_type)
        throw registry_error(
            400, "MANIFEST_INVALID",
            fmt::format("the manifest calls itself {}, its Content-Type is {}", document.media_type, media_type));
    if (document.manifests.has_value() == document.layers.has_value())
        throw registry_error(400, "MANIFEST_INVALID",
                             "a manifest has layers, an index has manifests; this has both or "
                             "neither");
    if (const auto missing = co_await storage_.first_missing(asked.repository, named_by(document)))
        throw registry_error(400, "MANIFEST_BLOB_UNKNOWN",
                             fmt::format("{} has no blob {}; push it first", asked.repository, missing->text()));
    co_await storage_.put_manifest(asked.repository, {of, media_type, std::move(bytes)},
                                   is_by_digest ? std::nullopt : std::optional{asked.item});
    co_await asked.exchange.respond(created(fmt::format("/v2/{}/manifests/{}", asked.repository, of.text()), of));
}

task<void> registry_routes::list_tags(request& asked) {
    if (asked.item != "list" || asked.exchange.head().method != io::http_method::get)
        throw registry_error(404, "UNSUPPORTED", "there is nothing at this path");
    const std::string last{asked.query.find("last").value_or("")};
    const std::size_t most = page_size(asked.query);
    auto tags = co_await storage_.tags(asked.repository, last, most);
    if (!tags) throw registry_error(404, "NAME_UNKNOWN", fmt::format("there is no repository {}", asked.repository));
    auto head = answer(200);
    head.headers.add("Content-Type", "application/json");
    if (most > 0 && tags->size() == most)
        head.headers.add(
            "Link", fmt::format("</v2/{}/tags/list?last={}&n={}>; rel=\"next\"", asked.repository, tags->back(), most));
    co_await asked.exchange.respond(std::move(head), io::to_json(tag_list{asked.repository, std::move(*tags)}));
}

task<void> registry_routes::list_repositories(io::http_exchange& exchange, const io::url_query& query) {
    const std::string last{query.find("last").value_or("")};
    auto names = co_await storage_.repositories(last, page_size(query));
    auto head = answer(200);
    head.headers.add("Content-Type", "application/json");
    co_await exchange.respond(std::move(head), io::to_json(repository_list{std::move(names)}));
}

} // namespace davit
