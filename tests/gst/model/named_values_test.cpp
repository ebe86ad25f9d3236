// Conversion of a GstStructure to values of arguments.
#include "model/named_values.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <memory>

#include "expect_says.h"
#include "torchstreamer/error.h"

namespace torchstreamer::test {
namespace {

using StructurePtr = std::unique_ptr<GstStructure, decltype(&gst_structure_free)>;

NamedValues values_of(const char* text) {
  const StructurePtr structure(gst_structure_from_string(text, nullptr), gst_structure_free);
  if (!structure) throw std::logic_error(std::string(text) + " is not a structure");
  return named_values(structure.get(), "inputs");
}

TEST(NamedValues, HaveTheTypesOfTheFields) {
  using Numbers = std::vector<double>;
  const NamedValues expected = {{"count", int64_t{3}},
                                {"large", int64_t{5'000'000'000}},
                                {"gain", 0.5},
                                {"single", 0.25},
                                {"on", true},
                                {"name", std::string("pad me")},
                                {"array", Numbers{1, 2.5}},
                                {"list", Numbers{3, 4}},
                                {"none", Numbers{}}};
  EXPECT_EQ(values_of("inputs, count=3, large=(guint64)5000000000, gain=0.5, single=(float)0.25, "
                      "on=true, name=\"pad me\", array=<1, 2.5>, list={3, 4}, none=<>"),
            expected);
}

TEST(NamedValues, AreNoneWithoutAStructureOrFields) {
  EXPECT_EQ(named_values(nullptr, "inputs"), NamedValues());
  EXPECT_EQ(values_of("inputs"), NamedValues());
}

TEST(NamedValues, RefuseOtherTypes) {
  for (const char* field :
       {"x=(fraction)1/2", "x=(guint64)9223372036854775808", "x=<1, two>", "x={a, b}", "x=[1, 2]",
        "x=(bitmask)0x3", "x=<<1, 2>, <3, 4>>", "x=(double)nan", "x=<1.0, (double)nan>"}) {
    SCOPED_TRACE(field);
    try {
      values_of((std::string("inputs, ") + field).c_str());
      ADD_FAILURE() << "is accepted";
    } catch (const OptionError& error) {
      EXPECT_SAYS("property inputs: the field 'x'", error.what());
    }
  }
}

}  // namespace
}  // namespace torchstreamer::test
