// SPDX-License-Identifier: Apache-2.0
#include "model/layers/layer_loops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <vector>

namespace cohort::model {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

Floats Random(size_t count, uint64_t seed, float scale = 1.0f) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  Floats values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

void ExpectNear(const Floats& got, const Doubles& truth, double tolerance) {
  ASSERT_EQ(got.size(), truth.size());
  double scale = 0;
  for (const double value : truth) scale = std::max(scale, std::abs(value));
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], truth[i], tolerance * scale) << i;
}

// Norm, then rotation when `cos` is given, of one head in double.
Doubles NormRopeTruth(const Doubles& x, const Floats& weight, const float* cos, const float* sin, double eps) {
  double squares = 0;
  for (const double value : x) squares += value * value;
  const double rstd = 1 / std::sqrt(squares / x.size() + eps);
  Doubles y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = x[i] * rstd * weight[i];
  if (cos == nullptr) return y;
  const size_t half = x.size() / 2;
  Doubles out(x.size());
  for (size_t i = 0; i < half; ++i) {
    out[i] = y[i] * cos[i] - y[i + half] * sin[i];
    out[i + half] = y[i + half] * cos[i] + y[i] * sin[i];
  }
  return out;
}

// Gradient of sum(grad_out * f(x)) by central differences in double.
Doubles NumericGradient(const std::function<Doubles(const Doubles&)>& f, Doubles x, const float* grad_out) {
  Doubles gradient(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double at = x[i], step = 1e-5;
    x[i] = at + step;
    const Doubles up = f(x);
    x[i] = at - step;
    const Doubles down = f(x);
    x[i] = at;
    for (size_t j = 0; j < up.size(); ++j) gradient[i] += grad_out[j] * (up[j] - down[j]) / (2 * step);
  }
  return gradient;
}

struct NormRopeCase {
  int64_t rows, heads, dim;
  Floats x, weight, cos, sin, grad_out;

  NormRopeCase(int64_t rows, int64_t heads, int64_t dim) : rows(rows), heads(heads), dim(dim) {
    x = Random(rows * heads * dim, 1);
    weight = Random(dim, 2);
    grad_out = Random(rows * heads * dim, 3);
    for (int64_t i = 0; i < rows * dim / 2; ++i) {
      cos.push_back(std::cos(0.37f * i));
      sin.push_back(std::sin(0.37f * i));
    }
  }

  struct Results {
    Floats out, rstd, grad_x, grad_weight;
    bool operator==(const Results&) const = default;
  };
  Results Run(kernels::CpuTarget target) const {
    Results r{Floats(x.size()), Floats(rows * heads), Floats(x.size()), Floats(dim, NAN)};
    const LayerLoops& loops = LayerLoopsFor(target);
    loops.norm_rope({x.data(), weight.data(), cos.data(), sin.data(), r.out.data(), r.rstd.data(), heads, dim, 1e-6f},
                    {0, rows});
    loops.norm_rope_backward({x.data(), weight.data(), cos.data(), sin.data(), r.rstd.data(), grad_out.data(),
                              r.grad_x.data(), r.grad_weight.data(), heads, dim},
                             {0, rows});
    return r;
  }
};

TEST(NormRopeTest, AgreesWithDoublePrecision) {
  for (const int64_t dim : {2, 8, 24, 32, 80, 128}) {
    const NormRopeCase c(5, 3, dim);
    const auto got = c.Run(kernels::BestCpuTarget());
    Doubles out, grad_x, grad_weight(dim, 0.0);
    for (int64_t head = 0; head < c.rows * c.heads; ++head) {
      const float* cos = c.cos.data() + head / c.heads * (dim / 2);
      const float* sin = c.sin.data() + head / c.heads * (dim / 2);
      const Doubles x(c.x.begin() + head * dim, c.x.begin() + (head + 1) * dim);
      const auto f = [&](const Doubles& v) { return NormRopeTruth(v, c.weight, cos, sin, 1e-6); };
      const Doubles y = f(x);
      out.insert(out.end(), y.begin(), y.end());
      const Doubles gradient = NumericGradient(f, x, c.grad_out.data() + head * dim);
      grad_x.insert(grad_x.end(), gradient.begin(), gradient.end());
      // Linear in the weight: column i contributes what the operator gives for the i-th unit weight.
      for (int64_t i = 0; i < dim; ++i) {
        Floats unit(dim, 0.0f);
        unit[i] = 1.0f;
        const Doubles column = NormRopeTruth(x, unit, cos, sin, 1e-6);
        for (int64_t j = 0; j < dim; ++j) grad_weight[i] += c.grad_out[head * dim + j] * column[j];
      }
    }
    ExpectNear(got.out, out, 1e-6);
    ExpectNear(got.grad_x, grad_x, 1e-5);
    ExpectNear(got.grad_weight, grad_weight, 1e-5);
  }
}

TEST(NormRopeTest, InstructionSetsGiveTheSameBits) {
  for (const int64_t dim : {8, 24, 128}) {
    const NormRopeCase c(7, 2, dim);
    const auto baseline = c.Run(kernels::CpuTarget::kBaseline);
    for (const kernels::CpuTarget target : kernels::SupportedCpuTargets()) {
      EXPECT_TRUE(c.Run(target) == baseline) << kernels::CpuTargetName(target);
    }
  }
}

struct RopeResults {
  Floats out, grad_x;
  bool operator==(const RopeResults&) const = default;
};

RopeResults RunRope(const NormRopeCase& c, kernels::CpuTarget target) {
  RopeResults r{Floats(c.x.size()), Floats(c.x.size())};
  const LoopRange rows{0, c.rows};
  LayerLoopsFor(target).rope({c.x.data(), c.cos.data(), c.sin.data(), r.out.data(), c.heads, c.dim}, rows);
  LayerLoopsFor(target).rope_backward({c.grad_out.data(), c.cos.data(), c.sin.data(), r.grad_x.data(), c.heads, c.dim},
                                      rows);
  return r;
}

TEST(RopeTest, AgreesWithDoublePrecision) {
  for (const int64_t dim : {2, 8, 24, 80, 128}) {
    const NormRopeCase c(5, 3, dim);
    const RopeResults got = RunRope(c, kernels::BestCpuTarget());
    const int64_t half = dim / 2;
    Doubles out(c.x.size()), grad_x(c.x.size());
    for (int64_t head = 0; head < c.rows * c.heads; ++head) {
      for (int64_t i = 0; i < half; ++i) {
        const int64_t low = head * dim + i, high = low + half;
        const double cos = c.cos[head / c.heads * half + i], sin = c.sin[head / c.heads * half + i];
        out[low] = c.x[low] * cos - c.x[high] * sin;
        out[high] = c.x[high] * cos + c.x[low] * sin;
        grad_x[low] = c.grad_out[low] * cos + c.grad_out[high] * sin;
        grad_x[high] = c.grad_out[high] * cos - c.grad_out[low] * sin;
      }
    }
    ExpectNear(got.out, out, 1e-6);
    ExpectNear(got.grad_x, grad_x, 1e-6);
  }
}

TEST(RopeTest, InstructionSetsGiveTheSameBits) {
  for (const int64_t dim : {8, 24, 128}) {
    const NormRopeCase c(7, 2, dim);
    const RopeResults baseline = RunRope(c, kernels::CpuTarget::kBaseline);
    for (const kernels::CpuTarget target : kernels::SupportedCpuTargets()) {
      EXPECT_TRUE(RunRope(c, target) == baseline) << kernels::CpuTargetName(target);
    }
  }
}

struct RmsNormResults {
  Floats out, rstd, grad_x, grad_weight;
  bool operator==(const RmsNormResults&) const = default;
};

RmsNormResults RunRmsNorm(const Floats& x, const Floats& weight, const Floats& grad_out, kernels::CpuTarget target) {
  const auto dim = static_cast<int64_t>(weight.size());
  const auto rows = static_cast<int64_t>(x.size()) / dim;
  RmsNormResults r{Floats(x.size()), Floats(rows), Floats(x.size()), Floats(dim, NAN)};
  const LayerLoops& loops = LayerLoopsFor(target);
  loops.rms_norm({x.data(), weight.data(), r.out.data(), r.rstd.data(), dim, 1e-5f}, {0, rows});
  loops.rms_norm_backward(
      {x.data(), weight.data(), r.rstd.data(), grad_out.data(), r.grad_x.data(), r.grad_weight.data(), dim}, {0, rows});
  return r;
}

TEST(RmsNormTest, AgreesWithDoublePrecision) {
  for (const int64_t dim : {1, 7, 16, 40, 129}) {
    const Floats x = Random(4 * dim, 5), weight = Random(dim, 6), grad_out = Random(4 * dim, 7);
    const RmsNormResults got = RunRmsNorm(x, weight, grad_out, kernels::BestCpuTarget());
    Doubles out, grad_x, grad_weight(dim, 0.0);
    for (int64_t row = 0; row < 4; ++row) {
      const Doubles v(x.begin() + row * dim, x.begin() + (row + 1) * dim);
      const auto f = [&](const Doubles& u) { return NormRopeTruth(u, weight, nullptr, nullptr, 1e-5); };
      const Doubles y = f(v), unit = NormRopeTruth(v, Floats(dim, 1.0f), nullptr, nullptr, 1e-5);
      const Doubles gradient = NumericGradient(f, v, grad_out.data() + row * dim);
      out.insert(out.end(), y.begin(), y.end());
      grad_x.insert(grad_x.end(), gradient.begin(), gradient.end());
      for (int64_t i = 0; i < dim; ++i) grad_weight[i] += grad_out[row * dim + i] * unit[i];
    }
    ExpectNear(got.out, out, 1e-6);
    if (dim > 1) ExpectNear(got.grad_x, grad_x, 1e-5);  // with one column the gradient is 0 but for eps
    ExpectNear(got.grad_weight, grad_weight, 1e-5);
  }
}

TEST(RmsNormTest, InstructionSetsGiveTheSameBits) {
  const Floats x = Random(9 * 72, 1), weight = Random(72, 2), grad_out = Random(9 * 72, 3);
  const RmsNormResults baseline = RunRmsNorm(x, weight, grad_out, kernels::CpuTarget::kBaseline);
  for (const kernels::CpuTarget target : kernels::SupportedCpuTargets()) {
    EXPECT_TRUE(RunRmsNorm(x, weight, grad_out, target) == baseline) << kernels::CpuTargetName(target);
  }
}

struct SwigluResults {
  Floats out, grad_gate, grad_up;
  bool operator==(const SwigluResults&) const = default;
};

SwigluResults RunSwiglu(const Floats& gate, const Floats& up, const Floats& grad_out, LoopRange range,
                        kernels::CpuTarget target) {
  SwigluResults r{Floats(gate.size()), Floats(gate.size()), Floats(gate.size())};
  LayerLoopsFor(target).swiglu({gate.data(), up.data(), r.out.data()}, range);
  LayerLoopsFor(target).swiglu_backward({gate.data(), up.data(), grad_out.data(), r.grad_gate.data(), r.grad_up.data()},
                                        range);
  return r;
}

TEST(SwigluTest, AgreesWithDoublePrecisionAndStaysFinite) {
  Floats gate = Random(100, 1, 5.0f);
  gate[0] = 200.0f;
  gate[1] = -200.0f;
  const Floats up = Random(100, 2), grad_out = Random(100, 3);
  const SwigluResults got = RunSwiglu(gate, up, grad_out, {0, 100}, kernels::BestCpuTarget());
  Doubles out, grad_gate, grad_up;
  for (size_t i = 0; i < gate.size(); ++i) {
    const double sigmoid = 1 / (1 + std::exp(-double{gate[i]}));
    out.push_back(gate[i] * sigmoid * up[i]);
    grad_gate.push_back(grad_out[i] * up[i] * sigmoid * (1 + gate[i] * (1 - sigmoid)));
    grad_up.push_back(grad_out[i] * gate[i] * sigmoid);
  }
  ExpectNear(got.out, out, 1e-6);
  ExpectNear(got.grad_gate, grad_gate, 1e-6);
  ExpectNear(got.grad_up, grad_up, 1e-6);
}

TEST(SwigluTest, ElementDoesNotDependOnWhereTheRangeStartsOrEnds) {
  const Floats gate = Random(131, 1, 3.0f), up = Random(131, 2), grad_out = Random(131, 3);
  const SwigluResults baseline = RunSwiglu(gate, up, grad_out, {0, 131}, kernels::CpuTarget::kBaseline);
  for (const kernels::CpuTarget target : kernels::SupportedCpuTargets()) {
    EXPECT_TRUE(RunSwiglu(gate, up, grad_out, {0, 131}, target) == baseline) << kernels::CpuTargetName(target);
    for (int64_t i = 0; i < 131; ++i) {
      const SwigluResults one = RunSwiglu(gate, up, grad_out, {i, i + 1}, target);
      ASSERT_EQ(one.out[i], baseline.out[i]);
      ASSERT_EQ(one.grad_gate[i], baseline.grad_gate[i]);
      ASSERT_EQ(one.grad_up[i], baseline.grad_up[i]);
    }
  }
}

}  // namespace
}  // namespace cohort::model
