#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace davit::api {

/// Bytes with four significant digits (or as many as asked) in decimal units, as Docker prints them: "1.234MB",
/// "67.11kB", "0B".
std::string human_size(double bytes, int digits = 4);

/// A span of time in words, as Docker prints it: "Less than a second", "About a minute", "3 weeks".
std::string human_duration(std::chrono::nanoseconds span);

/// Docker's drawn progress: "[=====>      ]  1.2MB/3.4MB" with a bar of 50, for texts as wide as 200 columns. Empty
/// when both amounts are 0; without a total the amount alone.
std::string progress_bar(std::uint64_t current, std::uint64_t total);

} // namespace davit::api
