#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "core/digest.h"
#include "core/fields.h"

namespace davit {

/// The name of an image: where its repository is, and which image of it (OCI distribution-spec §Pulling manifests; the
/// grammar is that of the reference implementation):
///
///     reference := [ domain "/" ] path [ ":" tag ] [ "@" digest ]
///     domain    := ( name { "." name } | IPv4 | "[" IPv6 "]" ) [ ":" port ]     name: letters, digits, inner hyphens
///     path      := component { "/" component }       lower-case letters and digits, separated by . _ __ or hyphens
///     tag       := up to 128 of letters, digits, _ . -, not beginning with . or -
///
/// Held normalised, as Docker does it: without a domain it is docker.io, whose one-word repositories live below
/// "library/"; index.docker.io is docker.io. A first component is a domain when it holds a dot or a colon or an
/// upper-case letter, or is "localhost".
class image_reference {
  public:
    /// Names nothing; parsing never gives it.
    image_reference() = default;

    /// No tag is added when the text has none. Errors: invalid, with Docker's sentence.
    static image_reference parse(std::string_view text);
    /// The same, and "latest" as the tag when the text has neither tag nor digest.
    static image_reference parse_with_default_tag(std::string_view text) { return parse(text).with_default_tag(); }

    const std::string& domain() const noexcept { return domain_; }
    const std::string& path() const noexcept { return path_; }
    /// Empty when there is none.
    const std::string& tag() const noexcept { return tag_; }
    const std::optional<davit::digest>& digest() const noexcept { return digest_; }

    bool is_empty() const noexcept { return path_.empty(); }
    bool names_repository_only() const noexcept { return tag_.empty() && !digest_; }

    /// "docker.io/library/busybox"
    std::string name() const;
    /// "docker.io/library/busybox:latest@sha256:…"
    std::string text() const;
    /// The repository as people write it: "busybox", "you/app", "registry.example:5000/app".
    std::string familiar_name() const;
    /// "busybox:latest@sha256:…". Parses to the same reference.
    std::string familiar() const;

    image_reference with_default_tag() const;
    /// Errors: invalid (not a tag).
    image_reference with_tag(std::string_view tag) const;
    image_reference with_digest(const davit::digest& digest) const;
    /// Without tag and digest.
    image_reference repository() const;

    auto operator<=>(const image_reference&) const = default;

  private:
    std::string suffix() const;

    std::string domain_;
    std::string path_;
    std::string tag_;
    std::optional<davit::digest> digest_;
};

/// Whether a text is a tag by itself, a path (a repository's name without its domain) by itself.
bool is_tag(std::string_view text) noexcept;
bool is_repository_path(std::string_view text) noexcept;

template <> struct text_of<image_reference> {
    static std::string write(const image_reference& value) { return value.is_empty() ? std::string{} : value.text(); }
    static image_reference read(std::string_view text) {
        return text.empty() ? image_reference{} : image_reference::parse(text);
    }
};

} // namespace davit
