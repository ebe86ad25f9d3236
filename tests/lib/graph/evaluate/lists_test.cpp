// Lists, tuples and dictionaries of streams, in every way that Python offers them.
#include "lib/graph/rules/rates_source.h"

namespace torchstreamer::testing {
namespace {

// One use of a container: lines of forward() after the list `skips` was made.
struct Use {
  const char* name;
  const char* lines;
};

void PrintTo(const Use& use, std::ostream* out) { *out << use.lines; }

std::string name_of_use(const ::testing::TestParamInfo<Use>& info) { return info.param.name; }

std::string model_of(const Use& use) {
  std::string source =
      "def forward(self, x):\n"
      "  skips = [torch.tanh(x), torch.constant_pad_nd(x, [1, -1]), x + 1.0, torch.relu(x)]\n";
  source += "  ";
  for (const char* c = use.lines; *c; ++c) source += *c == '\n' ? "\n  " : std::string(1, *c);
  return source;
}

class Collections : public ::testing::TestWithParam<Use> {};

TEST_P(Collections, StreamEqualsTheModel) { expect_source(model_of(GetParam()), 2, 4); }

const Use kSlices[] = {
    {"loop", "y = skips[0]\nfor s in skips[1:]:\n  y = y + s\nreturn y"},
    {"last", "y = x\nfor s in skips[-2:]:\n  y = y - s\nreturn y"},
    {"second", "y = x\nfor s in skips[::2]:\n  y = y - s\nreturn y"},
    {"reversed", "return torch.cat(skips[::-1], 1)"},
    {"all", "return torch.cat(skips[:], 1)"},
    {"beyond", "return torch.cat(skips[2:100] + skips[:-3], 1)"},
    {"empty", "y = x\nfor s in skips[3:1]:\n  y = y + s\nreturn y"},
    {"copy", "l = skips[:]\nl[0] = x\nreturn skips[0] + l[1]"},
    {"tuple", "t = (x, skips[1], skips[2])\na, b = t[1:]\nreturn a + b"},
    {"chunks", "c = x.split(1, 1)\ny = c[0]\nfor s in c[1:]:\n  y = y + s\nreturn y"},
    {"unbound", "return torch.stack(x.unbind(1)[::-1], 1)"},
};
INSTANTIATE_TEST_SUITE_P(Slices, Collections, ::testing::ValuesIn(kSlices), name_of_use);

const Use kLoops[] = {
    {"comprehension", "return torch.cat([s * 0.5 for s in skips[1:]], 1)"},
    {"nested",
     "l = [torch.stack(s).sum(0) for s in [skips[:2], skips[2:]]]\nreturn torch.cat(l, 1)"},
    {"zip", "y = x\nfor a, b in zip(skips, skips[1:]):\n  y = y + a * b\nreturn y"},
    {"zip_numbers", "y = x\nfor a, g in zip(skips, [0.5, 2.0]):\n  y = y + a * g\nreturn y"},
    {"enumerate", "y = x\nfor i, s in enumerate(skips[1:], 2):\n  y = y + s * float(i)\nreturn y"},
    {"of_pairs", "y = x\nfor s, g in [(x, 1.0), (skips[1], 2.0)]:\n  y = y + s * g\nreturn y"},
    {"backwards",
     "y = x\nfor i in range(len(skips) - 1, -1, -1):\n  y = torch.tanh(y + skips[i])\nreturn y"},
    {"until_empty", "y = x\nwhile len(skips) > 0:\n  y = torch.tanh(y + skips.pop())\nreturn y"},
    {"leave",
     "y = x\nfor i, s in enumerate(skips):\n  if i == 2:\n    break\n  y = y + s\nreturn y"},
    {"skip_one",
     "y = x\nfor i, s in enumerate(skips):\n  if i == 2:\n    continue\n  y = y + s\nreturn y"},
    {"returned",
     "y = x\nfor i, s in enumerate(skips):\n  y = y + s\n  if i == 2:\n    return y\n"
     "return y * 2.0"},
    {"optional",
     "l: List[Optional[Tensor]] = [None, x]\nb = l[1]\nif b is not None:\n  return b\n"
     "return x * 2.0"},
    {"lengths",
     "m = min([s.size(2) for s in skips])\nreturn torch.cat([s[..., :m] for s in skips], 1)"},
};
INSTANTIATE_TEST_SUITE_P(Loops, Collections, ::testing::ValuesIn(kLoops), name_of_use);

const Use kMethods[] = {
    {"append",
     "l: List[Tensor] = []\nfor s in skips:\n  l.append(s * 2.0)\nreturn torch.cat(l, 1)"},
    {"insert",
     "skips.insert(0, x)\nskips.insert(-1, x * 3.0)\nskips.insert(90, x)\n"
     "skips.insert(-90, -x)\nreturn torch.cat(skips, 1)"},
    {"pop",
     "a = skips.pop()\nb = skips.pop(0)\nc = skips.pop(-1)\nreturn torch.cat([c, a, b] + skips, "
     "1)"},
    {"extend", "skips.extend([x, x * 0.1])\nskips.extend(skips[:2])\nreturn torch.cat(skips, 1)"},
    {"add", "skips += [x]\nreturn torch.cat(skips + [x * 2.0], 1)"},
    {"copy", "l = skips.copy()\nl.append(x)\nreturn torch.cat(l, 1) * float(len(skips))"},
    {"list", "l = list(skips)\nl.append(x)\nreturn torch.cat(l, 1) * float(len(skips))"},
    {"same_list", "l = skips\nl.append(x)\nreturn torch.cat(skips, 1)"},
    {"clear", "skips.clear()\nskips.append(x)\nreturn torch.cat(skips, 1)"},
    {"reverse", "skips.reverse()\nreturn torch.cat(skips, 1)"},
    {"delete_items", "del skips[1]\ndel skips[-1]\nreturn torch.cat(skips, 1)"},
    {"set_items", "skips[1] = x\nskips[-1] = x * 0.3\nreturn torch.cat(skips, 1)"},
    {"multiply", "return torch.cat(skips[:1] * 2 + [x] * 3, 1)"},
    {"length", "return torch.cat(skips, 1) / len(skips)"},
    {"is_empty", "if skips:\n  return x * 3.0\nreturn x"},
    {"contains", "if 2 in [1, 2] and 'c' not in ['a', 'b']:\n  return x * 3.0\nreturn x"},
    {"index", "return x * float([1, 4, 4].index(4) + [1, 4, 4].count(4))"},
    {"sort", "l = [3, 1, 2]\nl.sort()\nm = sorted([3, 1, 2])\nreturn x * float(l[0] * 10 + m[2])"},
    {"sums", "return x * (sum([0.5, 0.25]) + float(max([1, 3]) - min([1, 3])))"},
    {"unpack", "a, b, c, d = skips\nreturn a + b * c - d"},
    {"stack", "return torch.stack(skips, -1).mean(-1) + torch.stack(skips).sum(0)"},
    {"nested_tuple", "t = ((x, skips[1]), skips[2])\n(a, b), c = t\nreturn a + b + c + t[0][0]"},
};
INSTANTIATE_TEST_SUITE_P(Methods, Collections, ::testing::ValuesIn(kMethods), name_of_use);

const Use kDictionaries[] = {
    {"items",
     "d = {'a': x, 'bb': skips[1]}\ny = x\nfor k, v in d.items():\n"
     "  y = torch.tanh(y) + v * float(len(k))\nreturn y"},
    {"keys",
     "d = {'a': x, 'bb': skips[1]}\ny = x\nfor k in d:\n  y = torch.tanh(y) + d[k]\nreturn y"},
    {"values",
     "d = {'a': x, 'bb': skips[1]}\ny = x\nfor v in list(d.values())[1:]:\n"
     "  y = y + v\nreturn y"},
    {"contains", "d = {'a': x}\nif 'b' not in d and 'a' in d:\n  d['b'] = x * 2.0\nreturn d['b']"},
    {"get",
     "d = {'a': x}\ny = d.get('b')\nif y is None:\n  y = d.get('a', x * 3.0)\n"
     "return y + d.get('c', skips[1])"},
    {"pop", "d = {'a': x, 'b': skips[1]}\ny = d.pop('a') + d.pop('c', x)\nreturn y * len(d)"},
    {"update", "d = {'a': x}\nd.update({'b': skips[1], 'a': x * 2.0})\nreturn d['b'] + d['a']"},
    {"set_default",
     "d = {'a': x}\ny = d.setdefault('b', skips[1]) + d.setdefault('a', skips[2])\n"
     "return d['b'] + y"},
    {"copy", "d = {'a': x}\ne = d.copy()\ne['b'] = x\nreturn x * len(d) + e['b']"},
    {"delete_items",
     "d = {'a': x, 'b': x}\ndel d['a']\nn = len(d)\nd.clear()\n"
     "d['c'] = x\nreturn x * n + d['c'] * len(d)"},
    {"pop_item", "d = {'a': x}\nk, v = d.popitem()\nreturn v * float(len(k) + len(d))"},
    {"of_numbers",
     "d: Dict[int, Tensor] = {}\nfor i in range(3):\n  d[i] = x * float(i)\nreturn d[2]"},
    {"of_lists", "d: Dict[str, List[Tensor]] = {'a': []}\nd['a'].append(x)\nreturn d['a'][0]"},
    {"sorted_keys",
     "d = {'b': x, 'a': skips[1]}\ny = x\nfor k in sorted(d.keys()):\n"
     "  y = torch.tanh(y) + d[k]\nreturn y"},
};
INSTANTIATE_TEST_SUITE_P(Dictionaries, Collections, ::testing::ValuesIn(kDictionaries),
                         name_of_use);

// A tensor is the same in a list and outside of it.
const Use kWrites[] = {
    {"item", "skips[0].add_(x)\nreturn skips[0]"},
    {"item_in_loop", "for s in skips:\n  s.mul_(0.5)\nreturn torch.cat(skips, 1)"},
    {"two_names", "l = [x.clone()]\nm = l[0]\nl[0].mul_(2.0)\nm.add_(1.0)\nreturn l[0]"},
    {"part_of_item", "skips[1][:, 0] = 0.5\nreturn skips[1] + skips[0]"},
    {"views_in_list", "y = x * 1.0\nfor s in y.split(1, 1):\n  s.mul_(0.5)\nreturn y"},
    {"list_of_views",
     "y = x * 1.0\nl = [y[:, 0], y[:, 1]]\ny.add_(1.0)\nl[0].mul_(3.0)\n"
     "return y + torch.stack(l, 1)"},
    {"target_of_loop", "y = torch.zeros_like(x)\nfor s in skips:\n  y += s\nreturn y"},
    {"dictionary", "d = {'a': skips[0]}\nd['a'].mul_(2.0)\nreturn skips[0]"},
};
INSTANTIATE_TEST_SUITE_P(Writes, Collections, ::testing::ValuesIn(kWrites), name_of_use);

TEST(CollectionRefusals, GiveTheReason) {
  expect_refused(returning("[x, x][3]"), {"aten::__getitem__", "out of range"});
  expect_refused("def forward(self, x):\n  a, b, c = [x, x]\n  return a",
                 {"prim::ListUnpack", "2 items to 3 variables"});
  expect_refused("def forward(self, x):\n  d = {'a': x}\n  return d['b']",
                 {"aten::__getitem__", "no key b"});
  expect_refused(
      "def forward(self, x):\n  y = x\n  for i in range(x.size(2)):\n    y = y + 1.0\n"
      "  return y",
      {"prim::Loop", "the number of rounds depends on the length"});
}

}  // namespace
}  // namespace torchstreamer::testing
