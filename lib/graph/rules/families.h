// The rows of each family of operators. Each function is defined in the source with the name of its
// family.
#pragma once

#include "graph/rules/row.h"

namespace torchstreamer::graph {

const RuleRows& attention_rules();
const RuleRows& concatenate_rules();
const RuleRows& convolution_rules();
const RuleRows& cumulative_rules();
const RuleRows& evaluation_rules();
const RuleRows& pad_rules();
const RuleRows& pool_rules();
const RuleRows& recurrent_rules();
const RuleRows& slice_rules();
const RuleRows& spectral_rules();
const RuleRows& upsample_rules();
const RuleRows& window_rules();

}  // namespace torchstreamer::graph
