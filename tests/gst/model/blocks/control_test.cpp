// Inputs of tsmodel as children that an application or GstController sets.
#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>

#include <thread>

#include "knob.h"
#include "temporary_folder.h"

namespace torchstreamer::test {
namespace {

std::vector<std::string> children_of(GstElement* element) {
  std::vector<std::string> names;
  const guint count = gst_child_proxy_get_children_count(GST_CHILD_PROXY(element));
  for (guint i = 0; i < count; ++i) {
    g_autoptr(GObject) child = gst_child_proxy_get_child_by_index(GST_CHILD_PROXY(element), i);
    g_autofree gchar* name = gst_object_get_name(GST_OBJECT(child));
    names.emplace_back(name);
  }
  return names;
}

double value_of(GstElement* element, const char* property) {
  gdouble value = 0;
  gst_child_proxy_get(GST_CHILD_PROXY(element), property, &value, nullptr);
  return value;
}

/// Controls the input `gain`: linear from `first` at kLoopStart to `last` after `frames`.
void control_gain(GstElement* element, double first, double last, int64_t frames) {
  GstControlSource* source = gst_interpolation_control_source_new();
  g_object_set(source, "mode", GST_INTERPOLATION_MODE_LINEAR, nullptr);
  auto* values = GST_TIMED_VALUE_CONTROL_SOURCE(source);
  gst_timed_value_control_source_set(values, kLoopStart, first);
  gst_timed_value_control_source_set(values, kLoopStart + loop_time(frames), last);
  g_autoptr(GObject) gain = gst_child_proxy_get_child_by_name(GST_CHILD_PROXY(element), "gain");
  gst_object_add_control_binding(
      GST_OBJECT(gain), gst_direct_control_binding_new_absolute(GST_OBJECT(gain), "value", source));
  gst_object_unref(source);
}

TEST(TsModelChildren, AreTheNumbersAmongTheInputs) {
  using Names = std::vector<std::string>;
  ElementRig rig("tsmodel", at("same3.script.pt"));
  EXPECT_EQ(children_of(rig.element), Names());
  rig.set("inputs", "inputs,gain=0.5,mode=loud,count=3,on=true");
  EXPECT_EQ(children_of(rig.element), (Names{"gain", "count"}));
  g_autoptr(GObject) gain = gst_child_proxy_get_child_by_name(GST_CHILD_PROXY(rig.element), "gain");
  EXPECT_EQ(value_of(rig.element, "gain::value"), 0.5);
  EXPECT_EQ(value_of(rig.element, "count::value"), 3);
  rig.set("inputs", "inputs,gain=2.0,bass=1.0");
  EXPECT_EQ(children_of(rig.element), (Names{"gain", "bass"}));
  g_autoptr(GObject) same = gst_child_proxy_get_child_by_name(GST_CHILD_PROXY(rig.element), "gain");
  EXPECT_EQ(same, gain) << "a child with control bindings is kept";
  EXPECT_EQ(value_of(rig.element, "gain::value"), 2);
  g_object_set(rig.element, "inputs", nullptr, nullptr);
  EXPECT_EQ(children_of(rig.element), Names());
  g_object_set(gain, "value", 3.0, nullptr);  // has no effect
}

// A child of the type GInt would truncate the value.
TEST(TsModelChildren, OfAnIntegerTakeAFraction) {
  for (const double gain : {0.5, 1.0, 1e10}) {
    SCOPED_TRACE(gain);
    Running running(Settings{{"inputs", "inputs,gain=1"}});
    gst_child_proxy_set(GST_CHILD_PROXY(running.rig.element), "gain::value", gain, nullptr);
    EXPECT_EQ(value_of(running.rig.element, "gain::value"), gain);
    const std::vector<float> x = noise(200, 1);
    expect_same(running.process(x), Knob().next(x, static_cast<float>(gain)));
    EXPECT_EQ(running.warning(), "");
  }
}

TEST(TsModelChildren, AreThoseOfTheLastInputsOfTwoThreads) {
  ElementRig rig("tsmodel", at("same3.script.pt"));
  std::string many = "inputs";  // take long to read
  for (int i = 0; i < 300; ++i) many += ",i" + std::to_string(i) + "=1.0";
  for (int i = 0; i < 100; ++i) {
    std::thread other([&] { rig.set("inputs", many); });
    for (int k = 0; k < 20; ++k) rig.set("inputs", "inputs,gain=1.0");
    other.join();
    GstStructure* inputs = nullptr;
    g_object_get(rig.element, "inputs", &inputs, nullptr);
    const size_t count = gst_structure_n_fields(inputs);
    gst_structure_free(inputs);
    ASSERT_EQ(children_of(rig.element).size(), count) << i;
  }
}

// A thread that holds a child must not get an element that is being destroyed.
TEST(TsModelChildren, LoseTheirParentBeforeItIsDestroyed) {
  GstElement* element = gst_element_factory_make("tsmodel", nullptr);
  gst_util_set_object_arg(G_OBJECT(element), "inputs", "inputs,gain=0.5");
  g_autoptr(GObject) gain = gst_child_proxy_get_child_by_name(GST_CHILD_PROXY(element), "gain");
  g_object_weak_ref(
      G_OBJECT(element),
      [](gpointer child, GObject*) { EXPECT_EQ(GST_OBJECT_PARENT(child), nullptr); }, gain);
  gst_object_unref(element);
  g_object_set(gain, "value", 3.0, nullptr);  // has no effect
}

TEST(TsModelChildren, SetTheirInput) {
  Running running;
  Knob knob;
  gst_child_proxy_set(GST_CHILD_PROXY(running.rig.element), "gain::value", 4.0, nullptr);
  GstStructure* inputs = nullptr;
  g_object_get(running.rig.element, "inputs", &inputs, nullptr);
  g_autofree gchar* text = gst_structure_to_string(inputs);
  EXPECT_STREQ(text, "inputs, gain=(double)4;");
  gst_structure_free(inputs);
  const std::vector<float> x = noise(200, 1);
  expect_same(running.process(x), knob.next(x, 4));
  EXPECT_EQ(running.listener.count("progress start"), 0);
}

// The gain falls by 1 every 100 frames of stream time, which starts at 1 s.
TEST(TsModelChildren, AreControlled) {
  Running running;
  Knob knob;
  control_gain(running.rig.element, 5, 1, 400);
  for (int i = 0; i < 5; ++i) {
    const std::vector<float> x = noise(100, i);
    expect_same(running.process(x), knob.next(x, 5.0f - i));
  }
  EXPECT_EQ(running.listener.count("progress start"), 0);
  EXPECT_EQ(running.warning(), "");
}

// After an accurate seek the segment starts inside the first buffer, whose first frames are
// dropped.
TEST(TsModelChildren, AreControlledFromTheStartOfTheSegment) {
  for (const bool is_controlled : {true, false}) {
    Running running;
    if (is_controlled) control_gain(running.rig.element, 5, 1, 400);
    running.rig.send_segment(kLoopStart + loop_time(50), GST_CLOCK_TIME_NONE);
    running.process(noise(50, 14));  // before the segment
    const std::vector<float> x = noise(250, 12);
    running.frames = 0;
    expect_same(running.process(x),
                Knob().next({x.begin() + 50, x.end()}, is_controlled ? 4.5f : 0.5f));
  }
}

// Every buffer changes the inputs, which must not restart the load.
TEST(TsModelChildren, AreControlledWhileTheNextModelIsLoaded) {
  const TemporaryFolder folder;
  const fs::path copy = folder / "copy.pt";
  fs::copy_file(model_path(kKnob.file), copy);
  Running running;
  Knob knob;
  control_gain(running.rig.element, 1, 41, 100 * 4000);
  const std::vector<float> x = noise(100, 13);
  int next = 0;
  const auto process = [&] {
    const float gain = 1 + next++ / 100.0f;
    const std::vector<float> y = running.process(x);
    if (running.listener.count("tsmodel-swap") == 1) knob = Knob();
    expect_same(y, knob.next(x, gain));
  };
  for (int i = 0; i < 3; ++i) process();
  running.rig.set("location", copy);
  for (int i = 0; i < 4000 && running.listener.count("tsmodel-swap") == 0; ++i) {
    process();
    g_usleep(5000);
  }
  EXPECT_EQ(running.listener.count("tsmodel-swap"), 1);
  EXPECT_EQ(running.listener.count("progress start"), 1);
  EXPECT_EQ(running.listener.count("progress complete"), 1);
  EXPECT_EQ(running.listener.count("progress canceled"), 0);
  EXPECT_EQ(running.warning(), "");
}

// The planned model takes over with the gain of its request, then with that of the property.
TEST(TsModelChildren, AreControlledUntilAPlannedModelTakesOver) {
  Running running;
  control_gain(running.rig.element, 1, 41, 100 * 4000);
  const std::vector<float> x = noise(100, 15);
  running.process(x);
  g_object_set(running.rig.element, "location", model_path("loops/planned_knob.pt").c_str(),
               "window", 0, nullptr);
  for (int i = 0; i < 4000 && running.listener.count("tsmodel-swap") < 2; ++i) {
    running.process(x);
    g_usleep(5000);
  }
  EXPECT_EQ(running.listener.count("progress start"), 2);
  EXPECT_EQ(running.listener.count("progress canceled"), 0);
  std::vector<float> expected = x;
  for (float& value : expected)
    value *= static_cast<float>(value_of(running.rig.element, "gain::value"));
  expect_same(running.process(x), expected);
  EXPECT_EQ(running.warning(), "");
}

TEST(TsModelChildren, DoNotLoadAModelAgainThatCannotBeLoaded) {
  Running running;
  Knob knob;
  control_gain(running.rig.element, 1, 41, 100 * 4000);
  const std::vector<float> x = noise(100, 16);
  const auto process = [&](int i) {
    expect_same(running.process(x), knob.next(x, 1 + i / 100.0f));
  };
  process(0);
  running.rig.set("location", model_path("missing.pt"));
  ASSERT_TRUE(running.listener.wait_for("progress error"));
  for (int i = 1; i < 100; ++i) process(i);
  EXPECT_EQ(running.listener.count("progress start"), 1);
  EXPECT_EQ(running.listener.count("warning"), 1);
}

// A planned model would be loaded again for every buffer.
TEST(TsModelChildren, AreNotControlledIfTheModelIsPlanned) {
  ElementRig rig("tsmodel", at("loops/planned_knob.pt", {{"inputs", "inputs,gain=0.5"}}));
  control_gain(rig.element, 3, 3, 1);
  expect_same(floats(stream(&rig, 1, bytes_of({1, 2}), 1)), {0.5f, 1});
}

}  // namespace
}  // namespace torchstreamer::test
