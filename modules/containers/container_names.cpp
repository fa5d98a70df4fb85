#include "modules/containers/container_names.h"

#include <algorithm>
#include <array>

namespace davit {

namespace {

constexpr std::array adjectives = {
    "agile",    "ample",  "amber",   "bold",     "breezy",  "brisk",   "calm",    "candid",    "careful", "cheery",
    "civil",    "clever", "cosmic",  "crisp",    "curious", "daring",  "deft",    "diligent",  "earnest", "eager",
    "elegant",  "exact",  "fair",    "fearless", "fluent",  "fond",    "frank",   "gentle",    "glad",    "golden",
    "graceful", "grand",  "handy",   "hearty",   "honest",  "humble",  "ideal",   "inventive", "jolly",   "jovial",
    "keen",     "kind",   "lively",  "logical",  "lucid",   "lucky",   "mellow",  "merry",     "mighty",  "modest",
    "musing",   "neat",   "nimble",  "noble",    "novel",   "open",    "patient", "peaceful",  "placid",  "plucky",
    "polite",   "prompt", "proud",   "quick",    "quiet",   "radiant", "rapid",   "ready",     "robust",  "rustic",
    "sage",     "serene", "sharp",   "shiny",    "sincere", "sleek",   "smooth",  "snug",      "solid",   "spirited",
    "spry",     "steady", "sturdy",  "subtle",   "sunny",   "swift",   "tender",  "thorough",  "tidy",    "tranquil",
    "trusty",   "upbeat", "upright", "valiant",  "vivid",   "warm",    "wise",    "witty",     "zealous", "zesty",
};

constexpr std::array surnames = {
    "abel",    "ampere",     "archimedes", "avicenna",   "babbage",  "banach",  "bernoulli",   "bessel",     "bohr",
    "boole",   "bose",       "boyle",      "brahe",      "cantor",   "carson",  "cauchy",      "cavendish",  "celsius",
    "church",  "copernicus", "coulomb",    "curie",      "dalton",   "darwin",  "dedekind",    "descartes",  "dijkstra",
    "dirac",   "edison",     "einstein",   "engelbart",  "erdos",    "euclid",  "euler",       "faraday",    "fermat",
    "fermi",   "feynman",    "fibonacci",  "fourier",    "franklin", "galileo", "galois",      "gauss",      "germain",
    "goedel",  "hamilton",   "hamming",    "heisenberg", "hertz",    "hilbert", "hooke",       "hopper",     "hubble",
    "huygens", "hypatia",    "jacobi",     "joule",      "kelvin",   "kepler",  "knuth",       "kolmogorov", "lagrange",
    "lamarr",  "laplace",    "lavoisier",  "leavitt",    "leibniz",  "liskov",  "lovelace",    "mach",       "maxwell",
    "meitner", "mendel",     "minkowski",  "morse",      "napier",   "newton",  "nightingale", "noether",    "ohm",
    "pascal",  "pasteur",    "pauli",      "payne",      "perlman",  "planck",  "poincare",    "ramanujan",  "riemann",
    "ritchie", "rosalind",   "rutherford", "shannon",    "snell",    "tesla",   "thales",      "torvalds",   "turing",
    "volta",   "wiles",      "wozniak",    "wu",
};

bool is_letter_or_digit(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

} // namespace

std::string made_up_name(std::uint64_t draw, unsigned attempt) {
    std::string name = adjectives[draw % adjectives.size()];
    name += '_';
    name += surnames[draw / adjectives.size() % surnames.size()];
    if (attempt > 0) name += std::to_string(draw / (adjectives.size() * surnames.size()) % 10 + 10 * (attempt - 1));
    return name;
}

bool is_container_name(std::string_view name) noexcept {
    if (name.starts_with('/')) name.remove_prefix(1);
    if (name.size() < 2 || name.size() > 255 || !is_letter_or_digit(name.front())) return false;
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-'; });
}

} // namespace davit
