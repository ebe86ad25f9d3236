#include "trust/known_operators.h"

#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/custom_class.h>

#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

using torch::jit::Node;
using Names = std::set<std::string>;

Names words(const std::string& text) {
  std::istringstream stream(text);
  return Names(std::istream_iterator<std::string>(stream), {});
}

/// Operators of aten that read or write files, change settings or random numbers of the process, or
/// belong to training and to other processes. Then operators that read or write outside of tensors,
/// or end the process, for some arguments, and that no stream of audio needs.
const Names& denied_aten() {
  static const Names names = words(
      "backward confirmed_by_owner data_ptr from_blob from_file fork "
      "get_gradients is_owner local_value load manual_seed owner owner_name pin_memory "
      "record_stream save seed set_ set_data to_here wait "
      "align_tensors align_to batch_norm_update_stats choose_qparams_optimized embedding_bag "
      "fractional_max_pool2d fractional_max_pool3d histogramdd max_unpool2d max_unpool3d "
      "quantized_gru_cell quantized_lstm_cell quantized_rnn_relu_cell "
      "quantized_rnn_tanh_cell rrelu_with_noise rrelu_with_noise_ slow_conv3d "
      "slow_conv3d_forward sym_size sym_stride thnn_conv2d "
      "to_sparse_bsc to_sparse_bsr");
  return names;
}

/// Gradients do not check their arguments.
bool is_gradient(const std::string& name) { return name.find("_backward") != std::string::npos; }

/// Orthogonal polynomials compute one order after the other, and accept any order.
bool is_polynomial(const std::string& name) {
  return name.find("_polynomial_") != std::string::npos;
}

/// Internal operators of aten that public functions of PyTorch and torch.export use. The others may
/// not check their arguments.
const Names& internal_aten() {
  static const Names names = words(
      "_adaptive_avg_pool1d _adaptive_avg_pool2d _adaptive_avg_pool3d _assert_async "
      "_assert_scalar _assert_tensor_metadata _conj _conj_physical _convolution "
      "_convolution_mode _fft_c2c _fft_c2r _fft_r2c _infer_size _list_to_tensor "
      "_local_scalar_dense _log_softmax _masked_softmax _native_batch_norm_legit "
      "_native_batch_norm_legit_functional _native_batch_norm_legit_no_training "
      "_native_multi_head_attention _nested_tensor_from_mask "
      "_nested_tensor_from_mask_left_aligned _neg_view _pad_circular _pad_enum _reshape_alias "
      "_scaled_dot_product_attention _scaled_dot_product_attention_math "
      "_scaled_dot_product_efficient_attention _scaled_dot_product_flash_attention "
      "_scaled_dot_product_flash_attention_for_cpu _set_item _shape_as_tensor _softmax "
      "_to_copy _transformer_encoder_layer_fwd _trilinear "
      "_unsafe_index _unsafe_view _unwrap_optional _upsample_bicubic2d_aa "
      "_upsample_bilinear2d_aa _upsample_lanczos2d_aa _upsample_nearest_exact1d "
      "_upsample_nearest_exact2d "
      "_upsample_nearest_exact3d _weight_norm _weight_norm_interface");
  return names;
}

/// The language itself. Other nodes of prim run Python, start threads or call other processes, or
/// are made by optimizers.
const Names& language() {
  static const Names names = words(
      "CallFunction CallMethod Constant CreateObject DictConstruct DictIndex Enter "
      "EnumName EnumValue Exit GetAttr If ImplicitTensorToNum ListConstruct ListUnpack "
      "Loop ModuleContainerIndex NumToTensor Print RaiseException Return SetAttr "
      "StringIndex TupleConstruct TupleIndex TupleSlice TupleUnpack Uninitialized abs data "
      "device dtype index is_cpu is_cuda is_mkldnn is_nested is_quantized is_sparse isinstance "
      "itemsize layout max min rangelist requires_grad shape tolist type unchecked_cast "
      "unchecked_unwrap_optional");
  return names;
}

bool is_known(const Node& node) {
  const std::string space = node.kind().ns().toUnqualString();
  if (space == "profiler") return true;  // names of parts of the model
  const std::string name = node.kind().toUnqualString();
  if (space == "prim") return language().count(name) > 0;
  if (space != "aten" || denied_aten().count(name) > 0 || is_gradient(name) || is_polynomial(name))
    return false;
  const bool is_internal = name[0] == '_' && name.compare(0, 2, "__") != 0;
  return !is_internal || internal_aten().count(name) > 0;
}

/// Returns true for a class of C++ other than the one of torch.profiler.record_function().
bool is_custom_class(const c10::ClassType& type) {
  const std::string name = type.name() ? type.name()->qualifiedName() : "";
  return name != "__torch__.torch.classes.profiler._RecordFunction" &&
         torch::getCustomClass(name) != nullptr;
}

[[noreturn]] void refuse(const Node& node, const std::string& subject, const std::string& reason) {
  std::string source;
  if (const auto place = node.sourceRange().file_line_col())
    source = std::get<0>(*place) + ":" + std::to_string(std::get<1>(*place));
  throw Refusal(subject, "", source, reason + kSetTrust);
}

void require_known(const torch::jit::Block* block) {
  for (const Node* node : block->nodes()) {
    if (!is_known(*node))
      refuse(*node, node->kind().toQualString(),
             "trust=operators accepts the operators of aten that compute tensors, and no others; "
             "save the model without this one, or ");
    for (const torch::jit::Value* value : node->outputs())
      if (const auto type = value->type()->cast<c10::ClassType>())
        if (is_custom_class(*type))
          refuse(*node, type->name()->name(),
                 "trust=operators accepts no objects of C++ classes; save the model without this "
                 "one, or ");
    for (const torch::jit::Block* inner : node->blocks()) require_known(inner);
  }
}

}  // namespace

void require_known_operators(const torch::jit::Module& module) {
  for (const torch::jit::Function* function : module._ivalue()->compilation_unit()->get_functions())
    if (function->isGraphFunction())
      require_known(torch::jit::toGraphFunction(*function).graph()->block());
}

}  // namespace torchstreamer
