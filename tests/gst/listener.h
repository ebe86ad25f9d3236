// Hears what an element says on its bus, in order and from any thread.
#pragma once

#include <gst/gst.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "element_rig.h"

namespace torchstreamer::test {

class Listener {
 public:
  explicit Listener(GstElement* element) : bus_(gst_element_get_bus(element)) {
    gst_bus_set_sync_handler(bus_, hear, this, nullptr);
  }
  ~Listener() {
    gst_bus_set_sync_handler(bus_, nullptr, nullptr, nullptr);
    gst_object_unref(bus_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// The words for what was heard: "progress complete", "warning", "async-done", ...; of element
  /// messages the name.
  std::vector<std::string> words() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return words_;
  }

  int count(const std::string& word) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return count_locked(word);
  }

  /// Calls `then` in the thread that says `word`, which waits for it. Before anything is said.
  void when(const std::string& word, std::function<void()> then) {
    hook_word_ = word;
    hook_ = std::move(then);
  }

  /// Waits until `word` was heard `times` times in all; false after 20 s.
  bool wait_for(const std::string& word, int times = 1) {
    std::unique_lock<std::mutex> lock(mutex_);
    return heard_.wait_for(lock, std::chrono::seconds(20),
                           [&] { return count_locked(word) >= times; });
  }

  /// Waits until `loads` loads ended in one way or another, in all.
  bool wait_for_loads(int loads = 1) {
    std::unique_lock<std::mutex> lock(mutex_);
    return heard_.wait_for(lock, std::chrono::seconds(20), [&] {
      return count_locked("progress complete") + count_locked("progress error") +
                 count_locked("progress canceled") >=
             loads;
    });
  }

  /// The structures of the messages with this word.
  std::vector<StructurePtr> structures(const std::string& word) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<StructurePtr> found;
    for (size_t i = 0; i < words_.size(); ++i)
      if (words_[i] == word)
        found.emplace_back(gst_structure_copy(gst_message_get_structure(messages_[i].get())));
    return found;
  }

 private:
  struct UnrefMessage {
    void operator()(GstMessage* message) const { gst_message_unref(message); }
  };

  static std::string word_of(GstMessage* message) {
    const std::string type = GST_MESSAGE_TYPE_NAME(message);
    if (type == "element") return gst_structure_get_name(gst_message_get_structure(message));
    if (type != "progress") return type;
    GstProgressType kind;
    gst_message_parse_progress(message, &kind, nullptr, nullptr);
    GEnumClass* kinds = G_ENUM_CLASS(g_type_class_ref(GST_TYPE_PROGRESS_TYPE));
    const std::string word = type + " " + g_enum_get_value(kinds, kind)->value_nick;
    g_type_class_unref(kinds);
    return word;
  }

  static GstBusSyncReply hear(GstBus*, GstMessage* message, gpointer user_data) {
    auto* self = static_cast<Listener*>(user_data);
    // Once it is noted, who waits for it may go, and the listener with it.
    if (const std::function<void()> hook = self->note(message)) hook();
    return GST_BUS_PASS;
  }

  /// Returns what is to be called for it. ElementRig puts back what it does not take: that is
  /// known.
  std::function<void()> note(GstMessage* message) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto is_this = [&](const auto& known) { return known.get() == message; };
    if (std::any_of(messages_.begin(), messages_.end(), is_this)) return nullptr;
    words_.push_back(word_of(message));
    messages_.emplace_back(gst_message_ref(message));
    heard_.notify_all();
    return words_.back() == hook_word_ ? hook_ : nullptr;
  }

  int count_locked(const std::string& word) const {
    return std::count(words_.begin(), words_.end(), word);
  }

  GstBus* bus_;
  mutable std::mutex mutex_;
  std::condition_variable heard_;
  std::string hook_word_;
  std::function<void()> hook_;
  std::vector<std::string> words_;
  std::vector<std::unique_ptr<GstMessage, UnrefMessage>> messages_;
};

}  // namespace torchstreamer::test
