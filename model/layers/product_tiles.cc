// SPDX-License-Identifier: Apache-2.0
#include "model/layers/product_tiles.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "model/layers/one_mkl_thread.h"

#ifndef _OPENMP
#error "without -fopenmp at::parallel_for runs on one thread"
#endif

namespace cohort::model {
namespace {

int64_t Tiles(int64_t size, int64_t tile_size) { return (size + tile_size - 1) / tile_size; }

}  // namespace

void ForEachTile(const ProductGrid& grid, const std::function<void(const ProductTile& tile)>& run) {
  const int64_t row_tiles = Tiles(grid.num_rows, grid.tile_rows);
  const int64_t num_tiles = row_tiles * Tiles(grid.num_columns, grid.tile_columns);
  at::parallel_for(0, num_tiles, /*grain_size=*/1, [&](int64_t first, int64_t last) {
    const OneMklThread one_thread;
    for (int64_t i = first; i < last; ++i) {
      const int64_t row = i % row_tiles * grid.tile_rows, column = i / row_tiles * grid.tile_columns;
      run({row, std::min(grid.tile_rows, grid.num_rows - row), column,
           std::min(grid.tile_columns, grid.num_columns - column)});
    }
  });
}

}  // namespace cohort::model
