// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_TESTING_GOLDEN_H_
#define COHORT_OBJECTIVE_TESTING_GOLDEN_H_

// Records of objective/testdata/golden_grpo.json: closed forms checked against automatic differentiation of the
// definition.
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cohort::objective {

inline const nlohmann::json& Golden() {
  static const nlohmann::json* golden = [] {
    std::ifstream file("objective/testdata/golden_grpo.json");
    return new nlohmann::json(nlohmann::json::parse(file));
  }();
  return *golden;
}

inline std::vector<double> GoldenNumbers(const std::string& record, const std::string& field) {
  return Golden().at(record).at(field).get<std::vector<double>>();
}

inline double GoldenNumber(const std::string& record, const std::string& field) {
  return Golden().at(record).at(field).get<double>();
}

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TESTING_GOLDEN_H_
