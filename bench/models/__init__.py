"""Models and agents that the benchmarks talk to: scripted, and as fast as told."""
