// Records of zip archives. PKWARE, .ZIP File Format Specification 6.3,
// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
#pragma once

#include <cstdint>

namespace torchstreamer::zip {

constexpr uint32_t kLocalMagic = 0x04034b50, kDirectoryMagic = 0x02014b50, kEndMagic = 0x06054b50;
constexpr uint32_t kWideEndMagic = 0x06064b50, kWideLocatorMagic = 0x07064b50;
constexpr uint32_t kIsWide = 0xffffffff;  // the number is in a field of 64 bits
constexpr uint16_t kWideField = 1;        // the extra field that has such numbers
constexpr uint64_t kEndBytes = 22, kWideEndBytes = 56, kWideLocatorBytes = 20;
constexpr uint64_t kLocalBytes = 30, kDirectoryBytes = 46;
constexpr uint64_t kMaxCommentBytes = 65535;

}  // namespace torchstreamer::zip
