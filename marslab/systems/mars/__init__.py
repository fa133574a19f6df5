"""MARS v4: selective state spaces, a hyperdimensional memory, recursive refinement."""
