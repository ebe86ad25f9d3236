// Records the messages that an element posts on its bus, in order, from any thread.
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
      : bus_(gst_element_get_bus(element)), record_(std::make_shared<Record>()) {
    // A thread may be in the handler during the destructor, so the handler shares the record.
    gst_bus_set_sync_handler(
        bus_, handle, new std::shared_ptr<Record>(record_),
        [](gpointer share) { delete static_cast<std::shared_ptr<Record>*>(share); });
  }
  ~Listener() {
    gst_bus_set_sync_handler(bus_, nullptr, nullptr, nullptr);
    gst_object_unref(bus_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// A word for each message: "progress complete", "warning", "async-done", ...; for element
  /// messages the name of their structure.
  std::vector<std::string> words() const {
    const std::lock_guard<std::mutex> lock(record_->mutex);
    return record_->words;
  }

  int count(const std::string& word) const {
    const std::lock_guard<std::mutex> lock(record_->mutex);
    return record_->count(word);
  }

  /// Calls `then` in the thread that posts a message with this word. Must be set before the first
  /// message.
  void when(const std::string& word, std::function<void()> then) {
    record_->hook_word = word;
    record_->hook = std::move(then);
  }

  /// Waits until there are `times` messages with this word in total; false after 20 s.
  bool wait_for(const std::string& word, int times = 1) {
    return wait([&] { return record_->count(word) >= times; });
  }

  /// Waits until `loads` loads have completed, failed or been cancelled in total.
  bool wait_for_loads(int loads = 1) {
    return wait([&] {
      return record_->count("progress complete") + record_->count("progress error") +
                 record_->count("progress canceled") >=
             loads;
    });
  }

  /// The structures of the messages with this word.
  std::vector<StructurePtr> structures(const std::string& word) const {
    const std::lock_guard<std::mutex> lock(record_->mutex);
    std::vector<StructurePtr> found;
    for (size_t i = 0; i < record_->words.size(); ++i)
      if (record_->words[i] == word)
        found.emplace_back(
            gst_structure_copy(gst_message_get_structure(record_->messages[i].get())));
    return found;
  }

 private:
  struct UnrefMessage {
    void operator()(GstMessage* message) const { gst_message_unref(message); }
  };

  struct Record {
    int count(const std::string& word) const {
      return std::count(words.begin(), words.end(), word);
    }

    /// Returns the function to call for the message. Ignores messages that ElementRig posts again.
    std::function<void()> add(GstMessage* message) {
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

  static GstBusSyncReply handle(GstBus*, GstMessage* message, gpointer share) {
    const std::shared_ptr<Record> record = *static_cast<std::shared_ptr<Record>*>(share);
    if (const std::function<void()> hook = record->add(message)) hook();
    return GST_BUS_PASS;
  }

  template <class Condition>
  bool wait(const Condition& condition) {
    std::unique_lock<std::mutex> lock(record_->mutex);
    return record_->news.wait_for(lock, std::chrono::seconds(20), condition);
  }

  GstBus* bus_;
  std::shared_ptr<Record> record_;
};

}  // namespace torchstreamer::test
