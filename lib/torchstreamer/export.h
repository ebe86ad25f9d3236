/// Visibility of the public symbols; all others are hidden.
#pragma once

#define TORCHSTREAMER_API __attribute__((visibility("default")))
