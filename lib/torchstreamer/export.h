/// @file
/// Visibility of symbols: public ones are exported, all others are hidden.
#pragma once

/// Marks a public class or function.
#define TORCHSTREAMER_API __attribute__((visibility("default")))
