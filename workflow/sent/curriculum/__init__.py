"""Questions sorted into stages, from low semantic entropy to high."""
