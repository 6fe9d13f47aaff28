"""What the benchmarks in Chromium share."""
