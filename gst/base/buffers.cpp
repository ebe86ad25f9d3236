#include "base/buffers.h"

#include <cstring>
#include <new>

#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

bool is_interleaved(const GstAudioInfo& info) {
  return GST_AUDIO_INFO_LAYOUT(&info) == GST_AUDIO_LAYOUT_INTERLEAVED;
}

/// Throws Error for invalid input, for which gst_audio_buffer_map() would fail an assertion.
void check(GstBuffer* buffer, const GstAudioInfo& info) {
  const GstAudioMeta* meta = gst_buffer_get_audio_meta(buffer);
  if (!meta && !is_interleaved(info))
    throw Error(
        "a buffer of non-interleaved audio has no GstAudioMeta with the offsets of its channels");
  if (!meta) return;
  if (!gst_audio_info_is_equal(&meta->info, &info))
    throw Error("the GstAudioMeta of a buffer does not match the caps");
  if (meta->samples > gst_buffer_get_size(buffer) / GST_AUDIO_INFO_BPF(&info))
    throw Error("a buffer is smaller than its GstAudioMeta");
}

bool survives(const GstMetaInfo* info) {
  const gchar* const* tags = gst_meta_api_type_get_tags(info->api);
  if (!tags || !tags[0]) return true;
  return !tags[1] && g_strcmp0(tags[0], GST_META_TAG_AUDIO_STR) == 0;
}

/// Removes the timestamp if the shift would move it before the origin of its reference.
void move_reference_timestamp(const GstReferenceTimestampMeta& stamp, GstClockTime from_pts,
                              GstBuffer* to) {
  const bool is_timed = GST_CLOCK_TIME_IS_VALID(from_pts) && GST_BUFFER_PTS_IS_VALID(to);
  const GstClockTimeDiff shift = is_timed ? GST_CLOCK_DIFF(from_pts, GST_BUFFER_PTS(to)) : 0;
  if (shift < 0 && static_cast<GstClockTime>(-shift) > stamp.timestamp) return;
  const GstClockTime duration =
      GST_CLOCK_TIME_IS_VALID(stamp.duration) ? GST_BUFFER_DURATION(to) : GST_CLOCK_TIME_NONE;
  gst_buffer_add_reference_timestamp_meta(to, stamp.reference, stamp.timestamp + shift, duration);
}

struct Copy {
  GstClockTime from_pts;
  GstBuffer* to;
};

gboolean copy_meta(GstBuffer* from, GstMeta** meta, gpointer user_data) {
  const auto& copy = *static_cast<const Copy*>(user_data);
  const GstMetaInfo* info = (*meta)->info;
  if (info->api == GST_REFERENCE_TIMESTAMP_META_API_TYPE) {
    move_reference_timestamp(*reinterpret_cast<GstReferenceTimestampMeta*>(*meta), copy.from_pts,
                             copy.to);
  } else if (info->transform_func && survives(info)) {
    GstMetaTransformCopy whole = {FALSE, 0, static_cast<gsize>(-1)};
    info->transform_func(copy.to, *meta, from, _gst_meta_transform_copy, &whole);
  }
  return TRUE;
}

constexpr char kNotMapped[] = "the memory of a buffer cannot be mapped";

}  // namespace

int64_t frames_in(GstBuffer* buffer, const GstAudioInfo& info) {
  const GstAudioMeta* meta = gst_buffer_get_audio_meta(buffer);
  return meta ? meta->samples : gst_buffer_get_size(buffer) / GST_AUDIO_INFO_BPF(&info);
}

int plane_count(const GstAudioInfo& info) {
  return is_interleaved(info) ? 1 : GST_AUDIO_INFO_CHANNELS(&info);
}

GstBuffer* split_frames(GstBuffer** buffer, const GstAudioInfo& info, int64_t frames) {
  const int bpf = GST_AUDIO_INFO_BPF(&info);
  GstBuffer* head = gst_audio_buffer_truncate(gst_buffer_ref(*buffer), bpf, 0, frames);
  *buffer = gst_audio_buffer_truncate(*buffer, bpf, frames, static_cast<gsize>(-1));
  return head;
}

Planes::Planes(GstBuffer* buffer, const GstAudioInfo& info, GstMapFlags flags) {
  if (!buffer || gst_buffer_get_size(buffer) == 0) {
    none_.resize(plane_count(info));
    return;
  }
  check(buffer, info);
  is_mapped_ = gst_audio_buffer_map(&audio_, &info, buffer, flags);
  if (!is_mapped_) throw Error(kNotMapped);
}

Planes::~Planes() {
  if (is_mapped_) gst_audio_buffer_unmap(&audio_);
}

namespace {

GstBuffer* allocate(GstAllocator* allocator, GstAllocationParams* params, const GstAudioInfo& info,
                    int64_t frames) {
  const gsize bytes = static_cast<gsize>(frames) * GST_AUDIO_INFO_BPF(&info);
  GstBuffer* buffer = gst_buffer_new_allocate(allocator, bytes, params);
  if (!buffer) throw std::bad_alloc();
  if (!is_interleaved(info)) gst_buffer_add_audio_meta(buffer, &info, frames, nullptr);
  return buffer;
}

}  // namespace

GstBuffer* allocate_frames(GstBaseTransform* trans, const GstAudioInfo& info, int64_t frames) {
  g_autoptr(GstAllocator) allocator = nullptr;
  GstAllocationParams params;
  gst_base_transform_get_allocator(trans, &allocator, &params);
  return allocate(allocator, &params, info, frames);
}

GstBuffer* make_silence(const GstAudioInfo& info, int64_t frames) {
  GstBuffer* buffer = allocate(nullptr, nullptr, info, frames);
  GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
  make_silent(&buffer, info);
  return buffer;
}

bool is_silent(GstBuffer* buffer, const GstAudioInfo& info) {
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return false;
  const gsize width = GST_AUDIO_INFO_WIDTH(&info) / 8;
  guint8 sample[8];
  gst_audio_format_info_fill_silence(info.finfo, sample, width);
  // True if the first sample is silence and every sample equals the previous one.
  const bool is_silent = map.size >= width && std::memcmp(map.data, sample, width) == 0 &&
                         std::memcmp(map.data, map.data + width, map.size - width) == 0;
  gst_buffer_unmap(buffer, &map);
  return is_silent;
}

void make_silent(GstBuffer** buffer, const GstAudioInfo& info) {
  if (gst_buffer_get_size(*buffer) == 0) return;
  *buffer = gst_buffer_make_writable(*buffer);
  GstMapInfo map;
  if (!gst_buffer_map(*buffer, &map, GST_MAP_WRITE)) throw Error(kNotMapped);
  gst_audio_format_info_fill_silence(info.finfo, map.data, map.size);
  gst_buffer_unmap(*buffer, &map);
}

namespace {

/// Reference of the meta of set_input_span().
GstCaps* input_span_reference() {
  static GstStaticCaps caps = GST_STATIC_CAPS("timestamp/x-torchstreamer-input");
  return gst_static_caps_get(&caps);
}

}  // namespace

void set_input_span(GstBuffer* frame, TimeSpan input) {
  if (!GST_CLOCK_TIME_IS_VALID(input.start_ns)) return;
  g_autoptr(GstCaps) reference = input_span_reference();
  gst_buffer_add_reference_timestamp_meta(frame, reference, input.start_ns, input.duration_ns);
}

TimeSpan input_span(GstBuffer* frame) {
  g_autoptr(GstCaps) reference = input_span_reference();
  const auto* meta = gst_buffer_get_reference_timestamp_meta(frame, reference);
  return meta ? TimeSpan{meta->timestamp, meta->duration} : TimeSpan();
}

void copy_metas(GstBuffer* from, GstClockTime from_pts, GstBuffer* to) {
  Copy copy = {from_pts, to};
  gst_buffer_foreach_meta(from, copy_meta, &copy);
}

}  // namespace torchstreamer
