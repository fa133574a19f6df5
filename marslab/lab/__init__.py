"""What is done with the library: benchmarks, notebooks, the lab, a look at the machine."""
