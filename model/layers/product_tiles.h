// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LAYERS_PRODUCT_TILES_H_
#define COHORT_MODEL_LAYERS_PRODUCT_TILES_H_

#include <cstdint>
#include <functional>

namespace cohort::model {

// A part of a matrix that is the result of a product.
struct ProductTile {
  int64_t row, num_rows;
  int64_t column, num_columns;
};

struct ProductGrid {
  int64_t num_rows, num_columns;    // of the result
  int64_t tile_rows, tile_columns;  // at most; the last tiles are what is left
};

// Calls `run` for each tile, on the threads of at::parallel_for. A product inside `run` is one of one MKL thread, so
// its bits depend on the grid and not on the number of threads. Threads of the pool have a gradient mode of their own:
// tensors that `run` uses must be detached. What `run` throws, the caller gets.
void ForEachTile(const ProductGrid& grid, const std::function<void(const ProductTile& tile)>& run);

}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYERS_PRODUCT_TILES_H_
