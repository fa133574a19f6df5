"""How TARS is trained: its data, its phases, its scores."""
