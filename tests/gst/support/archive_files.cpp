#include "gst/support/archive_files.h"

#include <glib/gstdio.h>
#include <zip.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>

namespace torchstreamer::test {

// Modification time of all entries, so that equal content gives equal files.
constexpr time_t kUnixTimeS = 946728000;  // noon of 1 January 2000

Bytes bytes_of_text(const std::string& text) { return Bytes(text.begin(), text.end()); }

Bytes noise(size_t bytes, unsigned seed) {
  std::mt19937 random(seed);
  Bytes noise(bytes);
  for (uint8_t& byte : noise) byte = static_cast<uint8_t>(random());
  return noise;
}

std::vector<ArchiveEntry> model_entries(const Bytes& weights) {
  return {{"m/data.pkl", bytes_of_text("pickled module")},
          {"m/data/0", weights},
          {"m/code/__torch__.py", Bytes(3000, 'x'), true},
          {"m/constants.pkl", bytes_of_text("none")},
          {"m/version", bytes_of_text("3\n")}};
}

Bytes make_archive(const std::vector<ArchiveEntry>& entries) {
  const TemporaryFolder folder;
  const fs::path path = folder / "archive.zip";
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE, nullptr);
  for (const ArchiveEntry& entry : entries) {
    zip_source_t* source =
        zip_source_buffer(archive, entry.content.data(), entry.content.size(), 0);
    const zip_int64_t index = zip_file_add(archive, entry.name.c_str(), source, 0);
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index),
                             entry.is_deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 9);
    zip_file_set_mtime(archive, static_cast<zip_uint64_t>(index), kUnixTimeS, 0);
  }
  if (zip_close(archive) != 0) throw std::runtime_error(zip_strerror(archive));
  return read_bytes(path);
}

Bytes make_model(size_t weights_bytes, unsigned seed) {
  return make_archive(model_entries(noise(weights_bytes, seed)));
}

std::string sha256(const Bytes& bytes) {
  gchar* digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes.data(), bytes.size());
  const std::string text = digest;
  g_free(digest);
  return text;
}

Bytes read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

void write_bytes(const fs::path& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

}  // namespace torchstreamer::test
