// Downloads one file over HTTP into the store.
#pragma once

#include <libsoup/soup.h>

#include <functional>
#include <memory>
#include <string>

#include "fetch/fetch.h"
#include "fetch/http/store.h"

namespace torchstreamer {

/// A transfer that failed and may succeed on a retry.
class TransferError : public ElementError {
 public:
  TransferError(GstResourceError code, const std::string& text, std::string debug,
                bool was_answered, guint wait_s = 0)
      : ElementError(code, text, std::move(debug)), was_answered_(was_answered), wait_s_(wait_s) {}

  /// Returns true if a server answered.
  bool was_answered() const { return was_answered_; }
  /// Wait before the next try in seconds, as requested by the server.
  guint wait_s() const { return wait_s_; }

 private:
  bool was_answered_;
  guint wait_s_;
};

/// Must be used by one thread only: its sockets use their own GMainContext.
class HttpClient {
 public:
  /// Throws ElementError if the certificates of the options cannot be read.
  HttpClient(const FetchOptions& options, GCancellable* cancellable);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Called with the number of received bytes and the total number of bytes; -1: unknown.
  using Progress = std::function<void(guint64 bytes, gint64 of_bytes)>;

  /// Downloads the missing bytes of the part of `entry`, so that it becomes the whole file at
  /// `uri`. Resumes an interrupted transfer. Returns false if `is_cached` and the server confirms
  /// that the file still has the validators of the entry. Throws ElementError, TransferError or
  /// Cancelled.
  bool get(const std::string& uri, bool is_cached, StoreEntry* entry, const Progress& progress);

 private:
  struct Answer;

  Answer send(GUri* uri, const std::string& authorization, bool is_cached, const StoreEntry& entry);
  Answer follow_redirects(const std::string& uri, bool is_cached, const StoreEntry& entry);
  void receive(const Answer& answer, StoreEntry* entry, const Progress& progress);
  void check_secure(GUri* uri, const std::string& authorization) const;
  [[noreturn]] void fail(GUri* uri, const GError& error, bool was_answered) const;

  const FetchOptions options_;
  GCancellable* const cancellable_;
  GMainContext* const context_;
  SoupSession* session_ = nullptr;
};

}  // namespace torchstreamer
