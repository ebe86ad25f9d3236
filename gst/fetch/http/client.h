// One file over HTTP, into its place in the store.
#pragma once

#include <libsoup/soup.h>

#include <functional>
#include <memory>
#include <string>

#include "fetch/fetch.h"

namespace torchstreamer {

/// A transfer that failed and may succeed when it is tried again.
class TransferError : public ElementError {
 public:
  TransferError(GstResourceError code, const std::string& text, std::string debug,
                bool was_answered, guint wait_s = 0)
      : ElementError(code, text, std::move(debug)), was_answered_(was_answered), wait_s_(wait_s) {}

  /// Whether a server was there at all.
  bool was_answered() const { return was_answered_; }
  /// How long it asks to wait.
  guint wait_s() const { return wait_s_; }

 private:
  bool was_answered_;
  guint wait_s_;
};

/// Lives in one thread; its sockets belong to a GMainContext of its own.
class HttpClient {
 public:
  /// Throws ElementError where the certificates of the options cannot be read.
  HttpClient(const FetchOptions& options, GCancellable* cancellable);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// What hears how many bytes came, of how many; -1: the server does not tell.
  using Progress = std::function<void(guint64 bytes, gint64 of_bytes)>;

  /// Makes the part of `entry` the whole file at `uri`; goes on where it stands. With `is_cached`
  /// false is an answer: the file is still the one of the entry's validators. Throws ElementError,
  /// TransferError or Cancelled.
  bool get(const std::string& uri, bool is_cached, StoreEntry* entry, const Progress& progress);

 private:
  struct Answer;

  Answer send(GUri* uri, const std::string& authorization, bool is_cached, const StoreEntry& entry);
  Answer follow(const std::string& uri, bool is_cached, const StoreEntry& entry);
  void receive(const Answer& answer, StoreEntry* entry, const Progress& progress);
  void check_secure(GUri* uri, const std::string& authorization) const;
  [[noreturn]] void fail(GUri* uri, const GError& error, bool was_answered) const;

  const FetchOptions options_;
  GCancellable* const cancellable_;
  GMainContext* const context_;
  SoupSession* session_ = nullptr;
};

}  // namespace torchstreamer
