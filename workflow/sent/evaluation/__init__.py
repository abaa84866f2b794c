"""Stage `evaluation`: the benchmarks sampled and graded with one policy."""
