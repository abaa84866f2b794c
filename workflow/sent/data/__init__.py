"""Stage `data`: questions from any source as one clean table, and what training shares with benchmarks."""
