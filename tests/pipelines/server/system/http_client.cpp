#include "http_client.h"

#include <algorithm>
#include <stdexcept>

namespace torchstreamer::test {

const std::string kChunked = "Transfer-Encoding: chunked\r\n";

bool ResponseReader::fill() {
  const std::string bytes = connection_->receive();
  buffer_ += bytes;
  return !bytes.empty();
}

std::string ResponseReader::read_line() {
  size_t end;
  while ((end = buffer_.find("\r\n")) == std::string::npos)
    if (!fill()) return "";
  const std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return line;
}

std::string ResponseReader::read_bytes(size_t count) {
  while (buffer_.size() < count && fill()) continue;
  const std::string bytes = buffer_.substr(0, count);
  buffer_.erase(0, bytes.size());
  return bytes;
}

Response ResponseReader::read_head() {
  Response response;
  const std::string status_line = read_line();
  if (status_line.rfind("HTTP/1.", 0) != 0)
    throw std::runtime_error("not a response: \"" + status_line + "\"");
  response.status = std::stoi(status_line.substr(9));
  for (std::string line; !(line = read_line()).empty();) {
    const size_t colon = line.find(": ");
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), ::tolower);
    response.headers[name] = line.substr(colon + 2);
  }
  const auto length = response.headers.find("content-length");
  is_whole_ = false;
  body_ = Body::kToTheEnd;
  if (response.headers.count("transfer-encoding")) body_ = Body::kChunked;
  if (length != response.headers.end()) {
    body_ = Body::kLength;
    left_bytes_ = std::stoul(length->second);
  }
  return response;
}

std::string ResponseReader::read_part() {
  if (body_ == Body::kToTheEnd) {
    is_whole_ = buffer_.empty() && !fill();
    return read_bytes(buffer_.size());
  }
  if (body_ == Body::kLength) {
    const std::string bytes = read_bytes(left_bytes_);
    left_bytes_ -= bytes.size();
    is_whole_ = left_bytes_ == 0;
    return bytes;
  }
  const std::string size = read_line();
  if (size.empty()) return "";
  const std::string bytes = read_bytes(std::stoul(size, nullptr, 16));
  is_whole_ = read_bytes(2) == "\r\n" && bytes.empty();
  return bytes;
}

Response read_response(Connection* connection) {
  ResponseReader reader(connection);
  Response response = reader.read_head();
  for (std::string part; !(part = reader.read_part()).empty();) response.body += part;
  response.is_whole = reader.is_whole();
  return response;
}

Response get(int port, const std::string& path, const std::string& headers,
             Connection::Security security) {
  Connection connection(port, security);
  connection.send("GET " + path + " HTTP/1.1\r\nHost: server\r\nConnection: close\r\n" + headers +
                  "\r\n");
  return read_response(&connection);
}

std::string post_head(const std::string& query, const std::string& type,
                      const std::string& framing) {
  return "POST /v1/process?" + query + " HTTP/1.1\r\nHost: server\r\nContent-Type: " + type +
         "\r\n" + framing + "\r\n";
}

std::string content_length(size_t bytes) {
  return "Content-Length: " + std::to_string(bytes) + "\r\n";
}

std::string chunk(const std::string& bytes) {
  char size[32];
  snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + bytes + "\r\n";
}

std::string raw_type(const std::string& format, int rate, int channels) {
  return "audio/x-raw;format=" + format + ";rate=" + std::to_string(rate) +
         ";channels=" + std::to_string(channels);
}

Response post(int port, const std::string& query, const std::string& type, const std::string& body,
              Connection::Security security, const std::string& headers) {
  Connection connection(port, security);
  const std::string request = post_head(query, type, headers + content_length(body.size())) + body;
  const Sender sender([&] { connection.send(request); });
  return read_response(&connection);
}

}  // namespace torchstreamer::test
