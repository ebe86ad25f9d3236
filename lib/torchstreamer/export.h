/// @file
/// Visibility of symbols. Public symbols are exported, all others are hidden.
#pragma once

/// Marks a public class or function.
#define TORCHSTREAMER_API __attribute__((visibility("default")))
