#include "buffers.h"

#include <new>

#include "error.h"

namespace torchstreamer {
namespace {

bool is_interleaved(const GstAudioInfo& info) {
  return GST_AUDIO_INFO_LAYOUT(&info) == GST_AUDIO_LAYOUT_INTERLEAVED;
}

/// gst_audio_buffer_map() takes these for programming errors; here they are bad input.
void check(GstBuffer* buffer, const GstAudioInfo& info) {
  const GstAudioMeta* meta = gst_buffer_get_audio_meta(buffer);
  if (!meta && !is_interleaved(info))
    throw Error(
        "a buffer of non-interleaved audio came without the GstAudioMeta that tells where "
        "its channels are");
  if (!meta) return;
  if (!gst_audio_info_is_equal(&meta->info, &info))
    throw Error("the GstAudioMeta of a buffer tells of other audio than the caps");
  if (meta->samples > gst_buffer_get_size(buffer) / GST_AUDIO_INFO_BPF(&info))
    throw Error("a buffer is smaller than its GstAudioMeta says");
}

bool survives(const GstMetaInfo* info) {
  const gchar* const* tags = gst_meta_api_type_get_tags(info->api);
  if (!tags || !tags[0]) return true;
  return !tags[1] && g_strcmp0(tags[0], GST_META_TAG_AUDIO_STR) == 0;
}

gboolean copy_meta(GstBuffer* from, GstMeta** meta, gpointer to) {
  auto* target = static_cast<GstBuffer*>(to);
  const GstMetaInfo* info = (*meta)->info;
  if (info->api == GST_REFERENCE_TIMESTAMP_META_API_TYPE) {
    const auto* stamp = reinterpret_cast<GstReferenceTimestampMeta*>(*meta);
    const bool is_timed = GST_BUFFER_PTS_IS_VALID(from) && GST_BUFFER_PTS_IS_VALID(target);
    const GstClockTime shift = is_timed ? GST_BUFFER_PTS(target) - GST_BUFFER_PTS(from) : 0;
    gst_buffer_add_reference_timestamp_meta(target, stamp->reference, stamp->timestamp + shift,
                                            GST_BUFFER_DURATION(target));
  } else if (info->transform_func && survives(info)) {
    GstMetaTransformCopy whole = {FALSE, 0, static_cast<gsize>(-1)};
    info->transform_func(target, *meta, from, _gst_meta_transform_copy, &whole);
  }
  return TRUE;
}

}  // namespace

Planes::Planes(GstBuffer* buffer, const GstAudioInfo& info, GstMapFlags flags) {
  if (!buffer) {
    none_.resize(is_interleaved(info) ? 1 : GST_AUDIO_INFO_CHANNELS(&info));
    return;
  }
  check(buffer, info);
  is_mapped_ = gst_audio_buffer_map(&audio_, &info, buffer, flags);
  if (!is_mapped_) throw Error("the memory of a buffer cannot be mapped");
}

Planes::~Planes() {
  if (is_mapped_) gst_audio_buffer_unmap(&audio_);
}

GstBuffer* allocate_frames(GstBaseTransform* trans, const GstAudioInfo& info, int64_t frames) {
  g_autoptr(GstAllocator) allocator = nullptr;
  GstAllocationParams params;
  gst_base_transform_get_allocator(trans, &allocator, &params);
  GstBuffer* buffer = gst_buffer_new_allocate(
      allocator, static_cast<gsize>(frames) * GST_AUDIO_INFO_BPF(&info), &params);
  if (!buffer) throw std::bad_alloc();
  if (!is_interleaved(info)) gst_buffer_add_audio_meta(buffer, &info, frames, nullptr);
  return buffer;
}

GstBuffer* make_silent(GstBuffer* buffer, const GstAudioInfo& info) {
  buffer = gst_buffer_make_writable(buffer);
  GstMapInfo map;
  if (gst_buffer_map(buffer, &map, GST_MAP_WRITE)) {
    gst_audio_format_info_fill_silence(info.finfo, map.data, map.size);
    gst_buffer_unmap(buffer, &map);
  }
  return buffer;
}

void copy_metas(GstBuffer* from, GstBuffer* to) { gst_buffer_foreach_meta(from, copy_meta, to); }

}  // namespace torchstreamer
