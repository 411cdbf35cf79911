// SPDX-License-Identifier: Apache-2.0
// Templates that mean harm: every one ends, in bounded time and memory, with a status or a text.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "model/chat_template/compiled_template.h"
#include "model/chat_template/value_json.h"

namespace cohort::model::chat_template {
namespace {

constexpr char kMessages[] =
    R"([{"role": "system", "content": "s"}, {"role": "user", "content": "u\u00e9"}, {"role": "assistant", "content": "a",
        "tool_calls": [{"id": "123456789", "function": {"name": "f", "arguments": {"x": [1, null]}}}]}])";

absl::StatusOr<Variables> MakeVariables(RenderBudget* budget) {
  const auto messages = ParseJsonValue(kMessages, budget);
  if (!messages.ok()) return messages.status();
  return Variables{{"messages", *messages}, {"add_generation_prompt", Value::Bool(true)}};
}

absl::StatusOr<std::string> Render(const std::string& source, const RenderLimits& limits = RenderLimits()) {
  const auto compiled = CompiledTemplate::Compile(source, "t");
  if (!compiled.ok()) return compiled.status();
  return (*compiled)->Render(MakeVariables, "2024-07-26", limits);
}

std::string Repeated(const std::string& piece, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += piece;
  return text;
}

TEST(HostileTemplateTest, ExhaustiveTemplatesMeetALimit) {
  const std::vector<std::string> sources = {
      "{{ 'a' * 1000000000 }}",
      "{{ [0] * 1000000000 }}",
      "{{ 'a' * 9223372036854775807 }}",
      "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
      "{% for a in range(100000) %}{% for b in range(1000) %}x{% endfor %}{% endfor %}",
      "{% set ns = namespace(x='ab') %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
      "{% set ns = namespace(x=1) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(140) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(140) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson "
      "}}",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
      "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
      "{% set ns = namespace() %}{% macro f(n) %}{% if n %}{% set ns.x = f(n - 1) %}{% endif %}{% endmacro %}{{ "
      "f(99999) }}",
      "{% set x = 'a' * 10000000 %}{{ [x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x] "
      "}}",
      "{% set x = 'a' * 1000000 %}{% for i in range(1000) %}{{ x }}{% endfor %}",
      "{% set x = 'a' * 4000000 %}{{ x.rfind('a' * 1000000 ~ 'b') }}",
      "{% set x = 'ab' * 4000000 %}{{ x.split('a')|length }}{{ x.split('b')|length }}{{ x.split('a')|length }}",
      "{% set x = 'a' * 2000000 %}{{ x.replace('', x) }}",
      "{% set x = ' a' * 2000000 %}{{ x.rsplit()|length }}",
      "{% for i in range(100000) %}{% set x = namespace(a=i) %}{% for j in range(99) %}{% set x.a = [x] %}{% endfor "
      "%}{% endfor %}",
      "{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}",
      "{{ ('a' * 3000000)|list|sort|join }}",
      "{{ '%1000d' % 1 }}{% for i in range(100000) %}{{ '%1000d%1000d%1000d' % (1, 2, 3) }}{% endfor %}",
      "{% set ns = namespace(x=(1,)) %}{% for i in range(140) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ {ns.x: 1} "
      "}}",
      "{% set ns = namespace(x=(1,)) %}{% for i in range(140) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ {}[ns.x] "
      "}}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(100000) %}{% set ns.x = [ns.x.index] %}{% endfor %}",
      "{% set ns = namespace(x={}) %}{% for i in range(100000) %}{% set ns.x = {1: ns.x.get} %}{% endfor %}",
      "{% set x = 'a' * 4000000 %}{% for i in range(100) %}{{ x|length }}{{ [x]|map('length')|list }}{% endfor %}",
      "{% set x = ' ' * 4000000 %}{% for i in range(100) %}{{ x.strip() }}{% endfor %}",
      "{% set x = '1' * 4000000 %}{% for i in range(100) %}{{ x|int }}{% endfor %}",
      "{% set x = 'a' * 4000000 %}{% for i in range(100) %}{{ x[4000000] }}{{ {}[x] }}{{ 'b'.find(x) }}{% endfor %}",
      "{% set x = 'a' * 4000000 %}{{ 'b'.startswith((x,) * 1000) }}",
      "{% set x = '%.0s' + ' ' * 4000000 %}{% for i in range(100) %}{% if (x % 'a')[0] %}{% endif %}{% endfor %}",
      "{{ 'x'|indent('y' * 200000000) }}{{ ('a\n' * 1000000)|indent('y' * 1000) }}",
  };
  // Below the defaults, or the sanitizers take minutes.
  RenderLimits limits;
  limits.max_steps = 200'000;
  limits.max_value_bytes = 32 << 20;
  limits.max_output_bytes = 4 << 20;
  for (const std::string& source : sources) {
    const auto rendered = Render(source, limits);
    EXPECT_EQ(rendered.status().code(), absl::StatusCode::kResourceExhausted) << source << "\n" << rendered.status();
  }
}

TEST(HostileTemplateTest, LongSearchesAreLinear) {
  const auto rendered = Render("{% set x = 'a' * 4000000 %}{{ x.find('a' * 2000000 ~ 'b') }}{{ (x ~ 'c') in x }}");
  EXPECT_TRUE(rendered.ok()) << rendered.status();
}

TEST(HostileTemplateTest, CyclesOfValuesAreFreed) {
  const auto rendered = Render(
      "{% set ns = namespace() %}{% set ns.me = ns %}{% set ns.list = [ns] %}{% macro f() %}{{ ns.f is callable }}"
      "{% endmacro %}{% set ns.f = f %}{{ f() }}{% for x in [1, 2] %}{% set ns.loop = loop %}{{ loop.changed(loop) }}"
      "{% set ns.cycle = loop.cycle %}{% endfor %}{{ ns.cycle('a', 'b') }}{{ ns.loop.index }}");
  ASSERT_TRUE(rendered.ok()) << rendered.status();
  EXPECT_EQ(*rendered, "TrueTrueFalseb2");
}

TEST(HostileTemplateTest, DeepAndLongSyntaxIsRefused) {
  for (const std::string& source :
       {"{{ " + Repeated("(", 20000), "{{ " + Repeated("[", 20000), "{{ " + Repeated("-", 20000) + "1 }}",
        "{{ " + Repeated("not ", 20000) + "1 }}", "{{ 1" + Repeated(" + 1", 20000) + " }}",
        "{{ x" + Repeated("|trim", 20000) + " }}", "{{ x" + Repeated(".a", 20000) + " }}",
        "{{ x" + Repeated("[0", 20000) + " }}", "{{ " + Repeated("f(", 20000) + " }}",
        "{{ " + Repeated("1 if 1 else ", 20000) + "1 }}", Repeated("{% if 1 %}", 20000),
        Repeated("{% for x in y %}", 20000), Repeated("{% macro f() %}", 20000),
        "{% set " + Repeated("(", 20000) + "x = 1 %}", "{{ " + Repeated("{1:", 20000) + " }}",
        "{{ " + Repeated("n", 257) + " }}", Repeated("x", (1 << 20) + 1)}) {
    EXPECT_EQ(Render(source).status().code(), absl::StatusCode::kInvalidArgument) << source.substr(0, 40);
  }
}

TEST(HostileTemplateTest, WhatPythonHasAndWeDoNotIsUnimplemented) {
  for (const char* source : {"{{ {}.items }}", "{{ 'a'.upper }}", "{{ (-8) ** 0.5 }}", "{{ 'a'.encode() }}",
                             "{{ 'a'|urlize }}", "{{ lipsum() }}", "{{ [1]|map('string') }}", "{{ namespace() }}",
                             "{{ '{:>5}'.format(1) }}", "{{ 'é'.isalpha() }}", "{{ 25|round(-1) }}"}) {
    EXPECT_EQ(Render(source).status().code(), absl::StatusCode::kUnimplemented) << source << Render(source).status();
  }
}

TEST(HostileTemplateTest, RangesBeyond64BitsAreRefused) {
  EXPECT_EQ(Render("{{ range(0, 1, 2 ** 60)[::2][::2][::2] }}").status().message(),
            "t:1:29: an integer of more than 64 bits");
}

TEST(HostileTemplateTest, TextThatIsNoUtf8IsRefused) {
  EXPECT_EQ(Render("a\xC3(").status().message(), "t:1:1: the template is not UTF-8");
}

std::vector<std::string> SeedTemplates() {
  std::vector<std::string> seeds;
  for (const auto& entry : std::filesystem::directory_iterator("model/chat_template/testdata/templates")) {
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    seeds.push_back(text.str());
  }
  return seeds;
}

// Cuts, doubles, swaps in pieces of other templates, and changes characters.
std::string Mutated(const std::vector<std::string>& seeds, std::mt19937* random) {
  static constexpr std::string_view kPieces[] = {
      "{{", "}}", "{%", "%}",   "-",    "{#", "#}", "(", ")",        "[",    "]",       "|",
      ".",  "'",  "\\", "\n",   "loop", "0",  "-1", "~", " if ",     " in ", " not ",   "endfor",
      "**", "//", "%",  "none", "*[]",  ":",  ",",  "é", "messages", "{}",   "range(9)"};
  const auto below = [&](size_t bound) { return bound == 0 ? 0 : (*random)() % bound; };
  std::string text = seeds[below(seeds.size())];
  for (size_t i = 0, count = 1 + below(6); i < count; ++i) {
    const size_t at = below(text.size());
    const size_t length = below(1 + std::min<size_t>(text.size() - at, 60));
    const std::string& other = seeds[below(seeds.size())];
    const size_t from = below(other.size());
    switch (below(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, text.substr(at, length));
        break;
      case 2:
        text.insert(at, kPieces[below(std::size(kPieces))]);
        break;
      case 3:
        text.replace(at, length, other.substr(from, below(80)));
        break;
      default:
        text.replace(at, text.empty() ? 0 : 1, kPieces[below(std::size(kPieces))]);
    }
  }
  return text;
}

TEST(HostileTemplateTest, MutatedTemplatesEndInAStatusOrAText) {
  const std::vector<std::string> seeds = SeedTemplates();
  ASSERT_GE(seeds.size(), 12u);
  RenderLimits limits;
  limits.max_steps = 20'000;
  limits.max_value_bytes = 4 << 20;
  std::mt19937 random(17);
  int num_rendered = 0, num_located = 0;
  for (int i = 0; i < 6000; ++i) {
    const auto rendered = Render(Mutated(seeds, &random), limits);
    num_rendered += rendered.ok() ? 1 : 0;
    num_located += !rendered.ok() && rendered.status().message().substr(0, 2) == "t:" ? 1 : 0;
  }
  EXPECT_EQ(num_rendered + num_located, 6000);
  EXPECT_GT(num_rendered, 200);
  EXPECT_GT(num_located, 600);
}

}  // namespace
}  // namespace cohort::model::chat_template
