// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_TESTING_GOLDEN_H_
#define COHORT_OBJECTIVE_TESTING_GOLDEN_H_

// Records of objective/testdata/golden.json: closed forms checked against automatic differentiation of the definition;
// and of segment_vectors.json.
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cohort::objective {

inline const nlohmann::json& Golden() {
  static const nlohmann::json* golden = [] {
    std::ifstream file("objective/testdata/golden.json");
    return new nlohmann::json(nlohmann::json::parse(file));
  }();
  return *golden;
}

inline const nlohmann::json& SegmentVectors() {
  static const nlohmann::json* vectors = [] {
    std::ifstream file("objective/testdata/segment_vectors.json");
    return new nlohmann::json(nlohmann::json::parse(file));
  }();
  return *vectors;
}

inline std::vector<double> GoldenNumbers(const std::string& record, const std::string& field) {
  return Golden().at(record).at(field).get<std::vector<double>>();
}

inline double GoldenNumber(const std::string& record, const std::string& field) {
  return Golden().at(record).at(field).get<double>();
}

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TESTING_GOLDEN_H_
