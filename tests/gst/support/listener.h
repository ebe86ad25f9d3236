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

#include "gst/support/element_rig.h"

namespace torchstreamer::test {

class Listener {
 public:
  explicit Listener(GstElement* element)
      : bus_(gst_element_get_bus(element)), heard_(std::make_shared<Heard>()) {
    // A thread may be in the handler when the listener goes, so that has a share in what was heard.
    gst_bus_set_sync_handler(bus_, hear, new std::shared_ptr<Heard>(heard_), [](gpointer share) {
      delete static_cast<std::shared_ptr<Heard>*>(share);
    });
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
    const std::lock_guard<std::mutex> lock(heard_->mutex);
    return heard_->words;
  }

  int count(const std::string& word) const {
    const std::lock_guard<std::mutex> lock(heard_->mutex);
    return heard_->count(word);
  }

  /// Calls `then` in the thread that says `word`, which waits for it. Before anything is said.
  void when(const std::string& word, std::function<void()> then) {
    heard_->hook_word = word;
    heard_->hook = std::move(then);
  }

  /// Waits until `word` was heard `times` times in all; false after 20 s.
  bool wait_for(const std::string& word, int times = 1) {
    return wait([&] { return heard_->count(word) >= times; });
  }

  /// Waits until `loads` loads ended in one way or another, in all.
  bool wait_for_loads(int loads = 1) {
    return wait([&] {
      return heard_->count("progress complete") + heard_->count("progress error") +
                 heard_->count("progress canceled") >=
             loads;
    });
  }

  /// The structures of the messages with this word.
  std::vector<StructurePtr> structures(const std::string& word) const {
    const std::lock_guard<std::mutex> lock(heard_->mutex);
    std::vector<StructurePtr> found;
    for (size_t i = 0; i < heard_->words.size(); ++i)
      if (heard_->words[i] == word)
        found.emplace_back(
            gst_structure_copy(gst_message_get_structure(heard_->messages[i].get())));
    return found;
  }

 private:
  struct UnrefMessage {
    void operator()(GstMessage* message) const { gst_message_unref(message); }
  };

  struct Heard {
    int count(const std::string& word) const {
      return std::count(words.begin(), words.end(), word);
    }

    /// Returns what is to be called for it. ElementRig puts back what it does not take: that is
    /// known.
    std::function<void()> note(GstMessage* message) {
      const std::lock_guard<std::mutex> lock(mutex);
      const auto is_this = [&](const auto& known) { return known.get() == message; };
      if (std::any_of(messages.begin(), messages.end(), is_this)) return nullptr;
      words.push_back(word_of(message));
      messages.emplace_back(gst_message_ref(message));
      news.notify_all();
      return words.back() == hook_word ? hook : nullptr;
    }

    std::mutex mutex;
    std::condition_variable news;
    std::string hook_word;
    std::function<void()> hook;
    std::vector<std::string> words;
    std::vector<std::unique_ptr<GstMessage, UnrefMessage>> messages;
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

  static GstBusSyncReply hear(GstBus*, GstMessage* message, gpointer share) {
    const std::shared_ptr<Heard> heard = *static_cast<std::shared_ptr<Heard>*>(share);
    if (const std::function<void()> hook = heard->note(message)) hook();
    return GST_BUS_PASS;
  }

  template <class Condition>
  bool wait(const Condition& condition) {
    std::unique_lock<std::mutex> lock(heard_->mutex);
    return heard_->news.wait_for(lock, std::chrono::seconds(20), condition);
  }

  GstBus* bus_;
  std::shared_ptr<Heard> heard_;
};

}  // namespace torchstreamer::test
