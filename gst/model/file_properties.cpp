#include "model/property.h"

namespace torchstreamer {
namespace {

const PropertyTable kFileProperties = {
    text_property(
        {"sha256", "SHA-256",
         "SHA-256 that the file must have, 64 hexadecimal digits; default: not checked"},
        [](auto& s) -> auto& { return s.model.fetch.sha256; }),
    {[](GParamFlags flags) {
       return g_param_spec_string("authorization", "Authorization",
                                  "Authorization header for http and https, such as \"Bearer "
                                  "...\"; default: the field authorization of a GstContext "
                                  "torchstreamer.http",
                                  nullptr, flags);
     },
     [](TsModelSettings* s, const GValue* value) { s->model.fetch.authorization = text_of(value); },
     nullptr, kInPlaying, true},
    text_property(
        {"ca-file", "CA file",
         "PEM file of the certificates to trust; default: the certificates of the system"},
        [](auto& s) -> auto& { return s.model.fetch.ca_file; }),
    {[](GParamFlags flags) {
       return g_param_spec_boolean("insecure-http", "Insecure HTTP",
                                   "Allow models over plain http without a sha256",
                                   default_settings().model.fetch.insecure_http, flags);
     },
     [](TsModelSettings* s, const GValue* value) {
       s->model.fetch.insecure_http = g_value_get_boolean(value);
     },
     [](const TsModelSettings& s, GValue* value) {
       g_value_set_boolean(value, s.model.fetch.insecure_http);
     },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_uint64("max-bytes", "Max bytes",
                                  "Maximum size of a fetched file in bytes", 0, G_MAXUINT64,
                                  default_settings().model.fetch.max_bytes, flags);
     },
     [](TsModelSettings* s, const GValue* value) {
       s->model.fetch.max_bytes = g_value_get_uint64(value);
     },
     [](const TsModelSettings& s, GValue* value) {
       g_value_set_uint64(value, s.model.fetch.max_bytes);
     },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_uint64("cache-bytes", "Cache bytes",
                                  "Maximum size of the cache of fetched files in bytes", 0,
                                  G_MAXUINT64, default_settings().model.fetch.cache_bytes, flags);
     },
     [](TsModelSettings* s, const GValue* value) {
       s->model.fetch.cache_bytes = g_value_get_uint64(value);
     },
     [](const TsModelSettings& s, GValue* value) {
       g_value_set_uint64(value, s.model.fetch.cache_bytes);
     },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_uint(
           "timeout", "Timeout", "Seconds without data from the server before giving up; 0: never",
           0, G_MAXUINT / 1000, default_settings().model.fetch.timeout_s, flags);
     },
     [](TsModelSettings* s, const GValue* value) {
       s->model.fetch.timeout_s = g_value_get_uint(value);
     },
     [](const TsModelSettings& s, GValue* value) {
       g_value_set_uint(value, s.model.fetch.timeout_s);
     },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_uint("retries", "Retries", "Number of retries of a failed transfer", 0,
                                G_MAXUINT, default_settings().model.fetch.retries, flags);
     },
     [](TsModelSettings* s, const GValue* value) {
       s->model.fetch.retries = g_value_get_uint(value);
     },
     [](const TsModelSettings& s, GValue* value) {
       g_value_set_uint(value, s.model.fetch.retries);
     },
     kInPlaying, true}};

}  // namespace

const PropertyTable& file_properties() { return kFileProperties; }

}  // namespace torchstreamer
