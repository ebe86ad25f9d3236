// tsmodel: reload of a file with new content.
#include <gtest/gtest.h>

#include "gst/model/swap/cases.h"
#include "temporary_folder.h"

namespace torchstreamer::test {
namespace {

class TsModelReload : public testing::Test {
 protected:
  TsModelReload() { write("same3.script.pt"); }

  /// Overwrites the file in place.
  void write(const std::string& file) {
    fs::copy_file(models() / file, path_, fs::copy_options::overwrite_existing);
  }

  const TemporaryFolder folder_;
  const fs::path path_ = folder_ / "model.pt";
};

TEST_F(TsModelReload, SwapsIfTheContentHasChanged) {
  const Swap& swap = kSwaps[0];
  ElementRig rig("tsmodel", {{"location", path_.string()}});
  Listener listener(rig.element);
  rig.start(audio(1));
  push_fixture(&rig, swap.from, 0);
  write(swap.to);
  g_signal_emit_by_name(rig.element, "reload");
  ASSERT_TRUE(listener.wait_for("progress complete"));
  push_fixture(&rig, swap.to, kFixtureFrames);
  rig.send_eos();
  expect_swap(&rig, swap);
}

TEST_F(TsModelReload, OfTheSameContentChangesNothing) {
  const Fixture f = fixture("same3.script.pt");
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", {{"location", path_.string()}});
  Listener listener(rig.element);
  rig.start(audio(1));
  rig.push_all(info, slice(info, f.in, 0, 600), 100);
  write(f.file);
  g_signal_emit_by_name(rig.element, "reload");
  ASSERT_TRUE(listener.wait_for("progress complete"));
  rig.push_all(info, slice(info, f.in, 600, kFixtureFrames - 600), 100, time_of(600));
  rig.send_eos();
  expect_close(rig.take_frames(), f);
  EXPECT_EQ(listener.count("tsmodel-swap"), 0);
}

TEST_F(TsModelReload, InReadyTakesEffectAtTheNextStart) {
  ElementRig rig("tsmodel", {{"location", path_.string()}});
  gst_element_set_state(rig.element, GST_STATE_READY);
  write("down2.script.pt");
  g_signal_emit_by_name(rig.element, "reload");
  ASSERT_EQ(change_state(rig.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
  const Fixture f = fixture("down2.script.pt");
  expect_close(stream(&rig, f, 100), f);
}

}  // namespace
}  // namespace torchstreamer::test
